// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string_view>

#include <peft/core/error.hpp>
#include <peft/io/config/fields.hpp>
#include <peft/io/encoder_config.hpp>

namespace peft::config_reader {

/// The fields of EncoderConfig; `config` holds the family's defaults. `least_types`: the fewest segment types it can
/// have. `dropout_key` is the key of classifier_dropout, for which hidden_dropout_prob stands where it is missing.
inline void read_encoder(const JsonFields& fields, EncoderConfig& config, int least_types,
                         std::string_view dropout_key) {
  for (const char* key : {"is_decoder", "add_cross_attention"}) only(fields, key, false, "an encoder");
  config.hidden_size = whole(fields, "hidden_size", 1, 1 << 16);
  config.num_hidden_layers = whole(fields, "num_hidden_layers", 1, 1 << 10);
  config.num_attention_heads = whole(fields, "num_attention_heads", 1, 1 << 12);
  if (config.hidden_size % config.num_attention_heads != 0)
    fields.refuse("num_attention_heads", cat("a divisor of hidden_size, ", config.hidden_size));
  config.intermediate_size = whole(fields, "intermediate_size", 1, 1 << 20);
  config.max_position_embeddings = whole(fields, "max_position_embeddings", 1, 1 << 20, config.max_position_embeddings);
  config.type_vocab_size = whole(fields, "type_vocab_size", least_types, 1 << 10, config.type_vocab_size);
  config.layer_norm_eps = epsilon(fields, "layer_norm_eps", config.layer_norm_eps);
  config.hidden_act =
      activation(fields, "hidden_act", fields.text("hidden_act", "gelu"),
                 {ActivationKind::Gelu, ActivationKind::GeluTanh, ActivationKind::Relu, ActivationKind::Silu});
  config.hidden_dropout_prob = probability(fields, "hidden_dropout_prob", 0.1);
  config.attention_probs_dropout_prob = probability(fields, "attention_probs_dropout_prob", 0.1);
  config.classifier_dropout = probability(fields, dropout_key, config.hidden_dropout_prob);
  read_common(fields, config);
}

/// Throws unless positions are those of the tables: the variants with distances are other models.
inline void only_absolute_positions(const JsonFields& fields) {
  if (fields.text("position_embedding_type", "absolute") != "absolute")
    fields.refuse("position_embedding_type", "\"absolute\"");
}

}  // namespace peft::config_reader
