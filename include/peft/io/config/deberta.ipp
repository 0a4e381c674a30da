// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/config/deberta.hpp>
#include <peft/io/config/encoder.hpp>
#include <peft/io/config/fields.hpp>
#include <peft/io/config/model_type.hpp>

namespace peft {

namespace config_reader {

/// The parts of "P2C | c2p", in lower case.
PEFT_INLINE std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == '|')
      out.emplace_back();
    else if (c != ' ')
      out.back() += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return out;
}

// A list, or a string with bars.
PEFT_INLINE std::vector<std::string> position_terms(const JsonFields& fields) {
  constexpr const char* key = "pos_att_type";
  const auto* value = fields.find(key);
  if (value == nullptr) return {};
  auto terms = value->is_string() ? parts_of(value->get<std::string>()) : fields.texts(key);
  if (terms == std::vector<std::string>{""} || terms == std::vector<std::string>{"none"}) terms.clear();
  for (const std::string& term : terms)
    if (term != "c2p" && term != "p2c") fields.refuse(key, cat("\"c2p\" and \"p2c\", not ", shown(term)));
  return terms;
}

PEFT_INLINE bool norm_of_positions(const JsonFields& fields) {
  bool norm = false;
  for (const std::string& part : parts_of(fields.text("norm_rel_ebd", "none"))) {
    if (part != "layer_norm" && part != "none") fields.refuse("norm_rel_ebd", "\"layer_norm\" or \"none\"");
    norm = norm || part == "layer_norm";
  }
  return norm;
}

}  // namespace config_reader

PEFT_INLINE DebertaConfig parse_deberta_config(std::string_view text, const std::string& where) {
  using namespace config_reader;
  const auto document = parse_json(text, where);
  const JsonFields fields(document, where);
  DebertaConfig config;
  config.model_type = model_type(fields, {"deberta-v2"});
  read_encoder(fields, config, 0, "cls_dropout");
  if (whole(fields, "conv_kernel_size", 0, 1 << 10, 0) > 0)
    fields.refuse("conv_kernel_size", "0 (the convolution is not supported)");
  for (const char* key : {"embedding_size", "pooler_hidden_size"})
    if (whole(fields, key, 1, 1 << 16, config.hidden_size) != config.hidden_size)
      fields.refuse(key, cat("hidden_size, ", config.hidden_size, " (others are not supported)"));
  if (whole(fields, "attention_head_size", 1, 1 << 16, config.head_size()) != config.head_size())
    fields.refuse("attention_head_size", cat("hidden_size / num_attention_heads, ", config.head_size()));

  config.relative_attention = fields.boolean("relative_attention", false);
  config.max_relative_positions = whole(fields, "max_relative_positions", -1, 1 << 20, -1);
  if (config.max_relative_positions < 1) config.max_relative_positions = config.max_position_embeddings;
  config.position_buckets = whole(fields, "position_buckets", -1, 1 << 16, -1);
  if (config.position_buckets > 0) {  // the logarithm's scale is log((distances - 1) / (buckets / 2))
    const int half = config.position_buckets / 2;
    if (half < 1 || half >= config.max_relative_positions - 1)
      fields.refuse("position_buckets",
                    cat("-1, or from 2 to fewer than twice max_relative_positions, ", config.max_relative_positions));
  }
  config.pos_att_type = position_terms(fields);
  config.share_att_key = fields.boolean("share_att_key", false);
  config.norm_rel_ebd = norm_of_positions(fields);
  config.position_biased_input = fields.boolean("position_biased_input", true);
  config.pooler_hidden_act =
      activation(fields, "pooler_hidden_act", fields.text("pooler_hidden_act", "gelu"),
                 {ActivationKind::Gelu, ActivationKind::GeluTanh, ActivationKind::Relu, ActivationKind::Tanh});
  config.pooler_dropout = probability(fields, "pooler_dropout", 0);
  return config;
}

PEFT_INLINE DebertaConfig read_deberta_config(const std::filesystem::path& path) {
  return config_reader::read_file(path, parse_deberta_config, read_model_type);
}

}  // namespace peft
