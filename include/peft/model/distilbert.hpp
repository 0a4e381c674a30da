// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/config/distilbert.hpp>
#include <peft/model/activation.hpp>
#include <peft/model/transformer.hpp>

namespace peft {

/// DistilBERT (Sanh et al., 2019): BERT's layers, but no dropout on what attention gives, no segments and no pooler; a
/// classifier is a dense layer, ReLU and a linear one on the first token. Classifiers of any kind drop with
/// `seq_classif_dropout` (of tokens: transformers with `dropout`).
struct DistilbertFamily : Family {
  using Config = DistilbertConfig;
  static constexpr const char *name = "distilbert", *architecture = "DistilBert", *prefix = "distilbert.";
  static constexpr bool special_tokens = true, dense_in_head = true;  // [CLS] and [SEP] around every text
  static constexpr const char *head_dense = "pre_classifier", *head_out = "classifier";
  static constexpr nn::Spec spec{.drops_attention_out = false};
  static constexpr SiteSet sites = Query | Key | Value | AttnOut | FfnUp | FfnDown | AttnNorm | FfnNorm | EmbedNorm |
                                   Attention | Ffn | Layer | SelfAttention | Input | only(Site::word_table) |
                                   only(Site::position_table) | only(Site::side);
  using Family::path;
  static constexpr std::string_view path(Site s) {
    switch (s) {
      case Site::query: return "distilbert.transformer.layer.*.attention.q_lin";
      case Site::key: return "distilbert.transformer.layer.*.attention.k_lin";
      case Site::value: return "distilbert.transformer.layer.*.attention.v_lin";
      case Site::attn_out: return "distilbert.transformer.layer.*.attention.out_lin";
      case Site::ff_up: return "distilbert.transformer.layer.*.ffn.lin1";
      case Site::ff_down: return "distilbert.transformer.layer.*.ffn.lin2";
      case Site::attn_norm: return "distilbert.transformer.layer.*.sa_layer_norm";
      case Site::ff_norm: return "distilbert.transformer.layer.*.output_layer_norm";
      case Site::embed_norm: return "distilbert.embeddings.LayerNorm";
      case Site::word_table: return "distilbert.embeddings.word_embeddings";
      case Site::position_table: return "distilbert.embeddings.position_embeddings";
      case Site::attention: return "distilbert.transformer.layer.*.attention";
      case Site::ffn: return "distilbert.transformer.layer.*.ffn";
      case Site::layer: return "distilbert.transformer.layer.*";
      case Site::self_attention: return "distilbert.transformer.layer.*.attention.prefix";
      case Site::input: return "distilbert.embeddings";
      case Site::side: return "side";
      default: return "";
    }
  }
  static Config read(const std::filesystem::path& folder) { return read_distilbert_config(folder); }
  static nn::Shape shape(const Config& c) { return encoder_shape(c); }
  static std::vector<LayerCount> layer_counts(Config& c) { return {{"n_layers", &c.num_hidden_layers}}; }
  static Extent entries(Site s, const Config& c) {
    return s == Site::word_table ? c.vocab_size : c.max_position_embeddings;
  }
  static nn::Activation pooler_activation(const Config&) { return nn::Activation::relu; }  // of the head's dense layer
};

template <class T = float, ExecutionSpace E = Host>
using Distilbert = Transformer<DistilbertFamily, T, E>;

}  // namespace peft
