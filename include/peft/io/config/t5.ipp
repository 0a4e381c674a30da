// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include <peft/core/error.hpp>
#include <peft/io/config/fields.hpp>
#include <peft/io/config/model_type.hpp>
#include <peft/io/config/t5.hpp>

namespace peft {

namespace config_reader {

// "relu", "gated-gelu", ... transformers writes what it made of that beside it, and reads it back.
PEFT_INLINE void feed_forward(const JsonFields& fields, const char* missing, T5Config& config) {
  const auto known = {ActivationKind::Gelu, ActivationKind::GeluTanh, ActivationKind::Relu, ActivationKind::Silu};
  const std::string text = fields.text("feed_forward_proj", missing);
  constexpr std::string_view gated = "gated-";
  config.gated = text.starts_with(gated);
  config.activation = text == "gated-gelu"
                          ? ActivationKind::GeluTanh  // what T5 1.1 was trained with under that name
                          : activation(fields, "feed_forward_proj",
                                       std::string_view(text).substr(config.gated ? gated.size() : 0), known);
  if (fields.find("dense_act_fn") != nullptr)
    config.activation = activation(fields, "dense_act_fn", fields.text("dense_act_fn"), known);
  config.gated = fields.boolean("is_gated_act", config.gated);
}

}  // namespace config_reader

PEFT_INLINE T5Config parse_t5_config(std::string_view text, const std::string& where) {
  using namespace config_reader;
  auto document = parse_json(text, where);
  use_own_keys(document, where,
               {{"hidden_size", "d_model"},
                {"num_attention_heads", "num_heads"},
                {"num_hidden_layers", "num_layers"},
                {"head_dim", "d_kv"}});
  const JsonFields fields(document, where);
  T5Config config;
  config.model_type = model_type(fields, {"t5", "mt5"});
  const bool mt5 = config.model_type == "mt5";
  only(fields, "is_encoder_decoder", true, "an encoder alone, as T5EncoderModel has it, writes nothing");
  config.d_model = whole(fields, "d_model", 1, 1 << 16);
  config.d_kv = whole(fields, "d_kv", 1, 1 << 12);
  config.d_ff = whole(fields, "d_ff", 1, 1 << 20);
  config.num_layers = whole(fields, "num_layers", 1, 1 << 10);
  config.num_decoder_layers = whole(fields, "num_decoder_layers", 1, 1 << 10, config.num_layers);
  config.num_heads = whole(fields, "num_heads", 1, 1 << 12);
  config.relative_attention_num_buckets = whole(fields, "relative_attention_num_buckets", 4, 1 << 16, 32);
  config.relative_attention_max_distance =
      whole(fields, "relative_attention_max_distance", config.relative_attention_num_buckets / 2 + 1, 1 << 24, 128);
  if (config.relative_attention_max_distance <= config.relative_attention_num_buckets / 2)  // where it is the default
    fields.refuse("relative_attention_num_buckets", "fewer than twice relative_attention_max_distance");
  config.dropout_rate = probability(fields, "dropout_rate", 0.1);
  config.classifier_dropout = probability(fields, "classifier_dropout", 0);
  config.layer_norm_epsilon = epsilon(fields, "layer_norm_epsilon", 1e-6);
  feed_forward(fields, mt5 ? "gated-gelu" : "relu", config);
  config.tie_word_embeddings = fields.boolean("tie_word_embeddings", !mt5);
  // Transformers 4 wrote the first key alone, and meant both by it.
  config.scale_decoder_outputs = !mt5 && fields.boolean("scale_decoder_outputs", config.tie_word_embeddings);
  config.initializer_range = fields.number("initializer_factor", 0, 100, 1.0) / std::sqrt(config.d_model);
  read_common(fields, config);
  config.decoder_start_token_id =
      whole(fields, "decoder_start_token_id", -1, config.vocab_size - 1, config.pad_token_id);
  if (config.decoder_start_token_id < 0) config.decoder_start_token_id = config.pad_token_id;
  if (config.decoder_start_token_id < 0)
    fields.refuse("decoder_start_token_id", "a token (or pad_token_id in its place): what a decoder begins with");
  return config;
}

PEFT_INLINE T5Config read_t5_config(const std::filesystem::path& path) {
  return config_reader::read_file(path, parse_t5_config, read_model_type);
}

}  // namespace peft
