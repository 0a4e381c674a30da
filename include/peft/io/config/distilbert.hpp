// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include <peft/core/error.hpp>
#include <peft/io/config/fields.hpp>
#include <peft/io/encoder_config.hpp>

namespace peft {

/// DistilBERT's sizes and choices under BERT's names, by which transformers knows them too; its config.json says `dim`,
/// `hidden_dim`, `n_layers`, `n_heads`, `dropout`, `attention_dropout`, `activation` and `seq_classif_dropout`. Defaults are its own.
struct DistilbertConfig : EncoderConfig {
  DistilbertConfig() {
    model_type = "distilbert";
    vocab_size = 30522;
    pad_token_id = 0;
    num_hidden_layers = 6;
    type_vocab_size = 0;
    classifier_dropout = 0.2;
  }

  /// Tokens of the longest sequence.
  int longest() const { return max_position_embeddings; }
};

/// Reads the text of a DistilBERT config.json; `where` names it in errors. Throws Error naming the key for another model, for
/// a value of the wrong type and for one that no model can have. Positions made of sinusoids are in the checkpoint as others are.
inline DistilbertConfig parse_distilbert_config(std::string_view text, const std::string& where) {
  using namespace config_reader;
  const auto document = parse_json(text, where);
  const JsonFields fields(document, where);
  DistilbertConfig config;
  config.model_type = model_type(fields, {"distilbert"});
  config.hidden_size = whole(fields, "dim", 1, 1 << 16);
  config.num_hidden_layers = whole(fields, "n_layers", 1, 1 << 10);
  config.num_attention_heads = whole(fields, "n_heads", 1, 1 << 12);
  if (config.hidden_size % config.num_attention_heads != 0) fields.refuse("n_heads", cat("a divisor of dim, ", config.hidden_size));
  config.intermediate_size = whole(fields, "hidden_dim", 1, 1 << 20);
  config.max_position_embeddings = whole(fields, "max_position_embeddings", 1, 1 << 20, config.max_position_embeddings);
  config.hidden_act = activation(fields, "activation", fields.text("activation", "gelu"),
                                 {ActivationKind::Gelu, ActivationKind::GeluTanh, ActivationKind::Relu, ActivationKind::Silu});
  config.hidden_dropout_prob = probability(fields, "dropout", config.hidden_dropout_prob);
  config.attention_probs_dropout_prob = probability(fields, "attention_dropout", config.attention_probs_dropout_prob);
  config.classifier_dropout = probability(fields, "seq_classif_dropout", config.classifier_dropout);
  fields.boolean("sinusoidal_pos_embds", false);
  read_common(fields, config);
  return config;
}

/// Reads a config.json, or the one in a model folder.
inline DistilbertConfig read_distilbert_config(const std::filesystem::path& path) {
  return config_reader::read_file(path, parse_distilbert_config);
}

}  // namespace peft
