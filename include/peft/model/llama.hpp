// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/config/llama.hpp>
#include <peft/model/activation.hpp>
#include <peft/model/transformer.hpp>

namespace peft {

/// Llama (Touvron et al., 2023), and what is built alike: SmolLM, TinyLlama, Mistral, Qwen2. A causal pre-norm
/// transformer with RMSNorm, rotary positions, grouped keys and values, and a gated feed-forward part.
struct LlamaFamily : Family {
  using Config = LlamaConfig;
  static constexpr const char *name = "llama", *architecture = "Llama", *prefix = "model.";
  static constexpr nn::Spec spec{
      .position = nn::Position::rotary, .rms = true, .pre_norm = true, .causal = true, .gated = true};
  static constexpr SiteSet sites = Query | Key | Value | AttnOut | FfnGate | FfnUp | FfnDown | AttnNorm | FfnNorm |
                                   FinalNorm | only(Site::word_table) | LmHead | Attention | Ffn | Layer |
                                   SelfAttention | Input | only(Site::side);
  using Family::path;

  static constexpr std::string_view path(Site s) {
    switch (s) {
      case Site::query: return "model.layers.*.self_attn.q_proj";
      case Site::key: return "model.layers.*.self_attn.k_proj";
      case Site::value: return "model.layers.*.self_attn.v_proj";
      case Site::attn_out: return "model.layers.*.self_attn.o_proj";
      case Site::ff_gate: return "model.layers.*.mlp.gate_proj";
      case Site::ff_up: return "model.layers.*.mlp.up_proj";
      case Site::ff_down: return "model.layers.*.mlp.down_proj";
      case Site::attn_norm: return "model.layers.*.input_layernorm";
      case Site::ff_norm: return "model.layers.*.post_attention_layernorm";
      case Site::final_norm: return "model.norm";
      case Site::word_table: return "model.embed_tokens";
      case Site::lm_head: return "lm_head";
      case Site::attention: return "model.layers.*.self_attn";
      case Site::ffn: return "model.layers.*.mlp";
      case Site::layer: return "model.layers.*";
      case Site::self_attention: return "model.layers.*.self_attn.prefix";
      case Site::input: return "model.input";
      case Site::side: return "side";
      default: return "";
    }
  }
  static Config read(const std::filesystem::path& folder) { return read_llama_config(folder); }
  static nn::Shape shape(const Config& c) {
    nn::Shape s;
    s.layers = c.num_hidden_layers;
    s.width = c.hidden_size;
    s.heads = c.num_attention_heads;
    s.key_heads = c.num_key_value_heads;
    s.head_size = c.head_dim;
    s.inner = c.intermediate_size;
    s.epsilon = c.rms_norm_eps;
    s.activation = activation_of(c.hidden_act);
    s.attention_dropout = c.attention_dropout;
    s.gated = true;
    s.rotary_scale = c.rotary_scale();
    return s;
  }
  static std::vector<std::string> other_prefixes() { return {"transformer."}; }  // of question answering
  static bool has(Site s, int layer, const Config& c, const nn::Shape& shape) {
    if (s == Site::lm_head) return !c.tie_word_embeddings;
    return s != Site::final_norm || layer + 1 == shape.layers;
  }
  static bool bias(Site s, const Config& c) {
    if (s == Site::query || s == Site::key || s == Site::value) return c.qkv_bias;
    if (s == Site::attn_out) return c.out_bias;
    return s != Site::lm_head && c.mlp_bias;
  }
  static Extent longest(const Config& c) { return c.longest(); }
  static bool tied(const Config& c) { return c.tie_word_embeddings; }
  static std::vector<double> rotary(const Config& c) { return c.inverse_frequencies(); }
};

template <class T = float, ExecutionSpace E = Host>
using Llama = Transformer<LlamaFamily, T, E>;

}  // namespace peft
