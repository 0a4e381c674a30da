// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/config/roberta.hpp>
#include <peft/model/activation.hpp>
#include <peft/model/transformer.hpp>

namespace peft {

/// RoBERTa (Liu et al., 2019), XLM-RoBERTa, CamemBERT: BERT's layers; positions begin behind the row of the padding
/// token, and a classifier is a dense layer and a linear one on the first token. Whatever rows the table of segments
/// has, every token is of the first: RoBERTa's tokenizers hand none to the model.
struct RobertaFamily : Family {
  using Config = RobertaConfig;
  static constexpr const char *name = "roberta", *architecture = "Roberta", *prefix = "roberta.";
  static constexpr bool special_tokens = true, dense_in_head = true;  // <s> and </s> around every text
  static constexpr nn::Spec spec{};
  static constexpr SiteSet sites = Query | Key | Value | AttnOut | FfnUp | FfnDown | AttnNorm | FfnNorm | EmbedNorm |
                                   only(Site::word_table) | only(Site::position_table) | only(Site::type_table) |
                                   Attention | Ffn | Layer | SelfAttention | Input | only(Site::side);
  using Family::path;

  static constexpr std::string_view path(Site s) {
    switch (s) {
      case Site::query: return "roberta.encoder.layer.*.attention.self.query";
      case Site::key: return "roberta.encoder.layer.*.attention.self.key";
      case Site::value: return "roberta.encoder.layer.*.attention.self.value";
      case Site::attn_out: return "roberta.encoder.layer.*.attention.output.dense";
      case Site::ff_up: return "roberta.encoder.layer.*.intermediate.dense";
      case Site::ff_down: return "roberta.encoder.layer.*.output.dense";
      case Site::attn_norm: return "roberta.encoder.layer.*.attention.output.LayerNorm";
      case Site::ff_norm: return "roberta.encoder.layer.*.output.LayerNorm";
      case Site::embed_norm: return "roberta.embeddings.LayerNorm";
      case Site::word_table: return "roberta.embeddings.word_embeddings";
      case Site::position_table: return "roberta.embeddings.position_embeddings";
      case Site::type_table: return "roberta.embeddings.token_type_embeddings";
      case Site::attention: return "roberta.encoder.layer.*.attention";
      case Site::ffn: return "roberta.encoder.layer.*.output";
      case Site::layer: return "roberta.encoder.layer.*";
      case Site::self_attention: return "roberta.encoder.layer.*.attention.self";
      case Site::input: return "roberta.embeddings";
      case Site::side: return "side";
      default: return "";
    }
  }
  static Config read(const std::filesystem::path& folder) { return read_roberta_config(folder); }
  static nn::Shape shape(const Config& c) { return encoder_shape(c); }
  static Extent entries(Site s, const Config& c) {
    return s == Site::word_table       ? c.vocab_size
           : s == Site::position_table ? c.max_position_embeddings
                                       : c.type_vocab_size;
  }
  static Extent position_offset(const Config& c) { return c.first_position(); }
  static Extent longest(const Config& c) { return c.longest(); }
  static double pooler_dropout(const Config& c) { return c.classifier_dropout; }
};

template <class T = float, ExecutionSpace E = Host>
using Roberta = Transformer<RobertaFamily, T, E>;

}  // namespace peft
