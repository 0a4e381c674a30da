// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <limits>

#include <peft/io/config/t5.hpp>
#include <peft/model/activation.hpp>
#include <peft/model/transformer.hpp>

namespace peft {

/// T5 (Raffel et al., 2020), v1.1, Flan-T5 and mT5: an encoder and a decoder of pre-norm layers with RMSNorm, without
/// biases; positions are learned numbers per head and bucket of distances, which the first layer of each has for all.
/// Layers are counted through, the encoder's first.
struct T5Family : Family {
  using Config = T5Config;
  static constexpr const char *name = "t5", *architecture = "T5", *prefix = "";
  static constexpr bool drops_inside = true, biases = false, always_tied = true;
  static constexpr nn::Spec spec{
      .position = nn::Position::buckets, .rms = true, .pre_norm = true, .causal = true, .cross = true, .gated = true};
  static constexpr SiteSet sites = Query | Key | Value | AttnOut | CrossQuery | CrossKey | CrossValue | CrossOut |
                                   FfnGate | FfnUp | FfnDown | AttnNorm | CrossNorm | FfnNorm | FinalNorm |
                                   only(Site::word_table) | only(Site::bucket_table) | LmHead | Attention |
                                   CrossAttention | Ffn | Layer | SelfAttention | Input | only(Site::side);

  /// A path begins with `encoder` or `decoder`, by the layer; the feed-forward part is the decoder's third.
  static constexpr std::string_view path(Site s) {
    switch (s) {
      case Site::query: return "*.block.*.layer.0.SelfAttention.q";
      case Site::key: return "*.block.*.layer.0.SelfAttention.k";
      case Site::value: return "*.block.*.layer.0.SelfAttention.v";
      case Site::attn_out: return "*.block.*.layer.0.SelfAttention.o";
      case Site::bucket_table: return "*.block.*.layer.0.SelfAttention.relative_attention_bias";
      case Site::cross_query: return "decoder.block.*.layer.1.EncDecAttention.q";
      case Site::cross_key: return "decoder.block.*.layer.1.EncDecAttention.k";
      case Site::cross_value: return "decoder.block.*.layer.1.EncDecAttention.v";
      case Site::cross_out: return "decoder.block.*.layer.1.EncDecAttention.o";
      case Site::ff_gate: return "*.block.*.layer.*.DenseReluDense.wi_0";
      case Site::ff_up: return "*.block.*.layer.*.DenseReluDense.wi_1";
      case Site::ff_down: return "*.block.*.layer.*.DenseReluDense.wo";
      case Site::attn_norm: return "*.block.*.layer.0.layer_norm";
      case Site::cross_norm: return "decoder.block.*.layer.1.layer_norm";
      case Site::ff_norm: return "*.block.*.layer.*.layer_norm";
      case Site::final_norm: return "*.final_layer_norm";
      case Site::word_table: return "shared";
      case Site::lm_head: return "lm_head";
      case Site::attention: return "*.block.*.layer.0";
      case Site::cross_attention: return "decoder.block.*.layer.1";
      case Site::ffn: return "*.block.*.layer.*";
      case Site::layer: return "*.block.*";
      case Site::self_attention: return "*.block.*.layer.0.SelfAttention";
      case Site::input: return "input";
      case Site::side: return "side";
      default: return "";
    }
  }
  static std::string path(std::string_view pattern, Site s, int layer, const nn::Shape& shape) {
    const bool decoder = shape.decodes(layer);
    const std::string block = std::to_string(decoder ? layer - shape.encoder_layers : layer);
    std::string name(pattern);
    const auto replace = [&](const std::string& by) {
      if (const auto star = name.find('*'); star != std::string::npos) name.replace(star, 1, by);
    };
    if (name.starts_with("*")) replace(decoder ? "decoder" : "encoder");
    replace(block);
    replace(decoder ? "2" : "1");
    if (s == Site::ff_up && !shape.gated) name.erase(name.size() - 2);  // wi
    return name;
  }
  static Config read(const std::filesystem::path& folder) { return read_t5_config(folder); }
  static nn::Shape shape(const Config& c) {
    nn::Shape s;
    s.layers = c.num_layers + c.num_decoder_layers;
    s.encoder_layers = c.num_layers;
    s.width = c.d_model;
    s.heads = c.num_heads;
    s.head_size = c.d_kv;
    s.inner = c.d_ff;
    s.epsilon = c.layer_norm_epsilon;
    s.activation = activation_of(c.activation);
    s.gated = c.gated;
    s.hidden_dropout = s.inner_dropout = s.attention_dropout = c.dropout_rate;
    s.score_scale = 1;
    s.buckets = c.relative_attention_num_buckets;
    s.reach = c.relative_attention_max_distance;
    return s;
  }
  static std::vector<LayerCount> layer_counts(Config& c) {
    return {{"num_layers", &c.num_layers}, {"num_decoder_layers", &c.num_decoder_layers}};
  }
  static std::vector<std::string> other_prefixes() { return {"transformer."}; }  // of classifiers
  static std::vector<TensorNames::Renamed> renamed() {
    return {{"encoder.embed_tokens.weight", "shared.weight"}, {"decoder.embed_tokens.weight", "shared.weight"}};
  }
  static bool has(Site s, int layer, const Config& c, const nn::Shape& shape) {
    const bool decoder = shape.decodes(layer);
    switch (s) {
      case Site::lm_head: return !c.tie_word_embeddings;
      case Site::ff_gate: return c.gated;
      case Site::cross_query:
      case Site::cross_key:
      case Site::cross_value:
      case Site::cross_out:
      case Site::cross_norm:
      case Site::cross_attention: return decoder;
      case Site::bucket_table: return layer == 0 || layer == shape.encoder_layers;
      case Site::final_norm: return layer + 1 == shape.encoder_layers || layer + 1 == shape.layers;
      default: return true;
    }
  }
  static bool bias(Site, const Config&) { return false; }
  static Extent longest(const Config&) { return std::numeric_limits<Extent>::max() / 2; }
  static bool tied(const Config& c) { return c.tie_word_embeddings; }
  static double logit_scale(const Config& c) {
    return c.scale_decoder_outputs ? 1 / std::sqrt(static_cast<double>(c.d_model)) : 1;
  }
  static int start_token(const Config& c) { return c.decoder_start_token_id; }
};

template <class T = float, ExecutionSpace E = Host>
using T5 = Transformer<T5Family, T, E>;

}  // namespace peft
