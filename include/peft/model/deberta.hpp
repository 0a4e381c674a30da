// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include <peft/io/config/deberta.hpp>
#include <peft/model/activation.hpp>
#include <peft/model/transformer.hpp>

namespace peft {

/// DeBERTa-v2 and v3 (He et al., 2021): BERT's layers with disentangled attention. Without the decoder that enhances
/// masked words, which no classifier uses. The pooler reads the first token.
struct DebertaFamily : Family {
  using Config = DebertaConfig;
  static constexpr const char *name = "deberta-v2", *architecture = "DebertaV2", *prefix = "deberta.";
  static constexpr bool special_tokens = true;
  static constexpr nn::Spec spec{.position = nn::Position::disentangled};
  static constexpr SiteSet sites = Query | Key | Value | AttnOut | FfnUp | FfnDown | AttnNorm | FfnNorm | EmbedNorm |
                                   Pooler | only(Site::position_key) | only(Site::position_query) |
                                   only(Site::word_table) | only(Site::position_table) | only(Site::type_table) |
                                   only(Site::relative_table) | only(Site::relative_norm) | Attention | Ffn | Layer |
                                   Input | only(Site::side);
  using Family::path;

  static constexpr std::string_view path(Site s) {
    switch (s) {
      case Site::query: return "deberta.encoder.layer.*.attention.self.query_proj";
      case Site::key: return "deberta.encoder.layer.*.attention.self.key_proj";
      case Site::value: return "deberta.encoder.layer.*.attention.self.value_proj";
      case Site::position_key: return "deberta.encoder.layer.*.attention.self.pos_key_proj";
      case Site::position_query: return "deberta.encoder.layer.*.attention.self.pos_query_proj";
      case Site::attn_out: return "deberta.encoder.layer.*.attention.output.dense";
      case Site::ff_up: return "deberta.encoder.layer.*.intermediate.dense";
      case Site::ff_down: return "deberta.encoder.layer.*.output.dense";
      case Site::pooler: return "pooler.dense";
      case Site::attn_norm: return "deberta.encoder.layer.*.attention.output.LayerNorm";
      case Site::ff_norm: return "deberta.encoder.layer.*.output.LayerNorm";
      case Site::embed_norm: return "deberta.embeddings.LayerNorm";
      case Site::relative_norm: return "deberta.encoder.LayerNorm";
      case Site::word_table: return "deberta.embeddings.word_embeddings";
      case Site::position_table: return "deberta.embeddings.position_embeddings";
      case Site::type_table: return "deberta.embeddings.token_type_embeddings";
      case Site::relative_table: return "deberta.encoder.rel_embeddings";
      case Site::attention: return "deberta.encoder.layer.*.attention";
      case Site::ffn: return "deberta.encoder.layer.*.output";
      case Site::layer: return "deberta.encoder.layer.*";
      case Site::input: return "deberta.embeddings";
      case Site::side: return "side";
      default: return "";
    }
  }
  static Config read(const std::filesystem::path& folder) {
    Config c = read_deberta_config(folder);
    require(c.relative_attention, folder.string(),
            ": relative_attention is false: expected true (disentangled attention)");
    return c;
  }
  static nn::Shape shape(const Config& c) {
    nn::Shape s = encoder_shape(c);
    s.to_position = c.content_to_position();
    s.from_position = c.position_to_content();
    s.shared_distances = c.share_att_key;
    s.buckets = std::max(c.position_buckets, 0);
    s.reach = c.max_relative_positions;
    s.score_scale = 1 / std::sqrt(static_cast<double>(s.head()) * (1 + s.to_position + s.from_position));
    return s;
  }
  static bool has(Site s, int, const Config& c, const nn::Shape& shape) {
    if (s == Site::position_table) return c.position_biased_input;
    if (s == Site::type_table) return c.type_vocab_size > 0;
    if (s == Site::relative_norm) return c.norm_rel_ebd;
    if (s == Site::position_key) return !c.share_att_key && shape.to_position;
    if (s == Site::position_query) return !c.share_att_key && shape.from_position;
    return true;
  }
  static Extent entries(Site s, const Config& c) {
    return s == Site::word_table       ? c.vocab_size
           : s == Site::position_table ? c.max_position_embeddings
           : s == Site::type_table     ? c.type_vocab_size
                                       : 2 * c.relative_span();
  }
  static Extent longest(const Config& c) { return c.longest(); }
  static Extent types(const Config& c) { return c.type_vocab_size; }
  static nn::Activation pooler_activation(const Config& c) { return activation_of(c.pooler_hidden_act); }
  static double pooler_dropout(const Config& c) { return c.pooler_dropout; }
};

template <class T = float, ExecutionSpace E = Host>
using Deberta = Transformer<DebertaFamily, T, E>;

}  // namespace peft
