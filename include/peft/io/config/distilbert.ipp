// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/config/distilbert.hpp>
#include <peft/io/config/fields.hpp>
#include <peft/io/config/model_type.hpp>

namespace peft {

PEFT_INLINE DistilbertConfig parse_distilbert_config(std::string_view text, const std::string& where) {
  using namespace config_reader;
  auto document = parse_json(text, where);
  use_own_keys(document, where,
               {{"hidden_size", "dim"}, {"num_attention_heads", "n_heads"}, {"num_hidden_layers", "n_layers"}});
  const JsonFields fields(document, where);
  DistilbertConfig config;
  config.model_type = model_type(fields, {"distilbert"});
  config.hidden_size = whole(fields, "dim", 1, 1 << 16);
  config.num_hidden_layers = whole(fields, "n_layers", 1, 1 << 10);
  config.num_attention_heads = whole(fields, "n_heads", 1, 1 << 12);
  if (config.hidden_size % config.num_attention_heads != 0)
    fields.refuse("n_heads", cat("a divisor of dim, ", config.hidden_size));
  config.intermediate_size = whole(fields, "hidden_dim", 1, 1 << 20);
  config.max_position_embeddings = whole(fields, "max_position_embeddings", 1, 1 << 20, config.max_position_embeddings);
  config.hidden_act =
      activation(fields, "activation", fields.text("activation", "gelu"),
                 {ActivationKind::Gelu, ActivationKind::GeluTanh, ActivationKind::Relu, ActivationKind::Silu});
  config.hidden_dropout_prob = probability(fields, "dropout", config.hidden_dropout_prob);
  config.attention_probs_dropout_prob = probability(fields, "attention_dropout", config.attention_probs_dropout_prob);
  config.classifier_dropout = probability(fields, "seq_classif_dropout", config.classifier_dropout);
  fields.boolean("sinusoidal_pos_embds", false);
  read_common(fields, config);
  return config;
}

PEFT_INLINE DistilbertConfig read_distilbert_config(const std::filesystem::path& path) {
  return config_reader::read_file(path, parse_distilbert_config, read_model_type);
}

}  // namespace peft
