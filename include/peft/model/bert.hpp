// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/config/bert.hpp>
#include <peft/model/activation.hpp>
#include <peft/model/transformer.hpp>

namespace peft {

/// BERT (Devlin et al., 2019): post-norm encoder over word, position and segment embeddings.
struct BertFamily : Family {
  using Config = BertConfig;
  static constexpr const char *name = "bert", *architecture = "Bert", *prefix = "bert.";
  static constexpr bool special_tokens = true;  // [CLS] and [SEP] around every text
  static constexpr nn::Spec spec{};
  static constexpr SiteSet sites = Query | Key | Value | AttnOut | FfnUp | FfnDown | AttnNorm | FfnNorm | EmbedNorm |
                                   Pooler | only(Site::word_table) | only(Site::position_table) |
                                   only(Site::type_table) | Attention | Ffn | Layer | SelfAttention | Input |
                                   only(Site::side);
  using Family::path;

  static constexpr std::string_view path(Site s) {
    switch (s) {
      case Site::query: return "bert.encoder.layer.*.attention.self.query";
      case Site::key: return "bert.encoder.layer.*.attention.self.key";
      case Site::value: return "bert.encoder.layer.*.attention.self.value";
      case Site::attn_out: return "bert.encoder.layer.*.attention.output.dense";
      case Site::ff_up: return "bert.encoder.layer.*.intermediate.dense";
      case Site::ff_down: return "bert.encoder.layer.*.output.dense";
      case Site::pooler: return "bert.pooler.dense";
      case Site::attn_norm: return "bert.encoder.layer.*.attention.output.LayerNorm";
      case Site::ff_norm: return "bert.encoder.layer.*.output.LayerNorm";
      case Site::embed_norm: return "bert.embeddings.LayerNorm";
      case Site::word_table: return "bert.embeddings.word_embeddings";
      case Site::position_table: return "bert.embeddings.position_embeddings";
      case Site::type_table: return "bert.embeddings.token_type_embeddings";
      case Site::attention: return "bert.encoder.layer.*.attention";
      case Site::ffn: return "bert.encoder.layer.*.output";
      case Site::layer: return "bert.encoder.layer.*";
      case Site::self_attention: return "bert.encoder.layer.*.attention.self";
      case Site::input: return "bert.embeddings";
      case Site::side: return "side";
      default: return "";
    }
  }
  static Config read(const std::filesystem::path& folder) { return read_bert_config(folder); }
  static nn::Shape shape(const Config& c) { return encoder_shape(c); }
  static Extent entries(Site s, const Config& c) {
    return s == Site::word_table       ? c.vocab_size
           : s == Site::position_table ? c.max_position_embeddings
                                       : c.type_vocab_size;
  }
  static Extent types(const Config& c) { return c.type_vocab_size; }
};

template <class T = float, ExecutionSpace E = Host>
using Bert = Transformer<BertFamily, T, E>;

}  // namespace peft
