// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/config/gpt2.hpp>
#include <peft/model/activation.hpp>
#include <peft/model/transformer.hpp>

namespace peft {

/// GPT-2 (Radford et al., 2019): a causal pre-norm transformer whose queries, keys and values are one projection. Its
/// weights are stored (in, out).
struct Gpt2Family : Family {
  using Config = Gpt2Config;
  static constexpr const char *name = "gpt2", *architecture = "GPT2", *prefix = "transformer.";
  static constexpr bool input_by_output = true;
  static constexpr nn::Spec spec{.pre_norm = true, .causal = true, .fused_qkv = true};
  static constexpr SiteSet sites = FusedQkv | AttnOut | FfnUp | FfnDown | AttnNorm | FfnNorm | FinalNorm |
                                   only(Site::word_table) | only(Site::position_table) | LmHead | Attention | Ffn |
                                   Layer | SelfAttention | Input | only(Site::side);
  using Family::path;

  static constexpr std::string_view path(Site s) {
    switch (s) {
      case Site::qkv: return "transformer.h.*.attn.c_attn";
      case Site::attn_out: return "transformer.h.*.attn.c_proj";
      case Site::ff_up: return "transformer.h.*.mlp.c_fc";
      case Site::ff_down: return "transformer.h.*.mlp.c_proj";
      case Site::attn_norm: return "transformer.h.*.ln_1";
      case Site::ff_norm: return "transformer.h.*.ln_2";
      case Site::final_norm: return "transformer.ln_f";
      case Site::word_table: return "transformer.wte";
      case Site::position_table: return "transformer.wpe";
      case Site::lm_head: return "lm_head";
      case Site::attention: return "transformer.h.*.attn";
      case Site::ffn: return "transformer.h.*.mlp";
      case Site::layer: return "transformer.h.*";
      case Site::self_attention: return "transformer.h.*.attn.prefix";
      case Site::input: return "transformer.input";
      case Site::side: return "side";
      default: return "";
    }
  }
  static Config read(const std::filesystem::path& folder) { return read_gpt2_config(folder); }
  static nn::Shape shape(const Config& c) {
    nn::Shape s;
    s.layers = c.n_layer;
    s.width = c.n_embd;
    s.heads = c.n_head;
    s.inner = c.n_inner;
    s.epsilon = c.layer_norm_epsilon;
    s.activation = activation_of(c.activation_function);
    s.hidden_dropout = c.resid_pdrop;
    s.embedding_dropout = c.embd_pdrop;
    s.attention_dropout = c.attn_pdrop;
    return s;
  }
  static std::vector<LayerCount> layer_counts(Config& c) { return {{"n_layer", &c.n_layer}}; }
  static bool has(Site s, int layer, const Config& c, const nn::Shape& shape) {
    if (s == Site::lm_head) return !c.tie_word_embeddings;
    return s != Site::final_norm || layer + 1 == shape.layers;
  }
  static bool bias(Site s, const Config&) { return s != Site::lm_head; }
  static Extent entries(Site s, const Config& c) { return s == Site::position_table ? c.n_positions : c.vocab_size; }
  static Extent longest(const Config& c) { return c.longest(); }
  static bool tied(const Config& c) { return c.tie_word_embeddings; }
};

template <class T = float, ExecutionSpace E = Host>
using Gpt2 = Transformer<Gpt2Family, T, E>;

}  // namespace peft
