// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/error.hpp>
#include <peft/io/config/fields.hpp>
#include <peft/io/config/gpt2.hpp>
#include <peft/io/config/model_type.hpp>

namespace peft {

PEFT_INLINE Gpt2Config parse_gpt2_config(std::string_view text, const std::string& where) {
  using namespace config_reader;
  auto document = parse_json(text, where);
  use_own_keys(document, where,
               {{"hidden_size", "n_embd"},
                {"num_attention_heads", "n_head"},
                {"num_hidden_layers", "n_layer"},
                {"max_position_embeddings", "n_positions"}});
  const JsonFields fields(document, where);
  Gpt2Config config;
  config.model_type = model_type(fields, {"gpt2"});
  only(fields, "scale_attn_weights", true);
  for (const char* key : {"scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn", "add_cross_attention"})
    only(fields, key, false);
  config.n_embd = whole(fields, "n_embd", 1, 1 << 16);
  config.n_layer = whole(fields, "n_layer", 1, 1 << 10);
  config.n_head = whole(fields, "n_head", 1, 1 << 12);
  if (config.n_embd % config.n_head != 0) fields.refuse("n_head", cat("a divisor of n_embd, ", config.n_embd));
  config.n_inner = whole(fields, "n_inner", 1, 1 << 20, 4 * config.n_embd);
  config.n_positions = whole(fields, "n_positions", 1, 1 << 20);
  config.activation_function =
      activation(fields, "activation_function", fields.text("activation_function", "gelu_new"),
                 {ActivationKind::Gelu, ActivationKind::GeluTanh, ActivationKind::Relu, ActivationKind::Silu});
  config.layer_norm_epsilon = epsilon(fields, "layer_norm_epsilon", 1e-5);
  config.embd_pdrop = probability(fields, "embd_pdrop", 0.1);
  config.attn_pdrop = probability(fields, "attn_pdrop", 0.1);
  config.resid_pdrop = probability(fields, "resid_pdrop", 0.1);
  config.classifier_dropout = probability(fields, "classifier_dropout", 0);
  config.tie_word_embeddings = fields.boolean("tie_word_embeddings", true);
  read_common(fields, config);
  return config;
}

PEFT_INLINE Gpt2Config read_gpt2_config(const std::filesystem::path& path) {
  return config_reader::read_file(path, parse_gpt2_config, read_model_type);
}

}  // namespace peft
