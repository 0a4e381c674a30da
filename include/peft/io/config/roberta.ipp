// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/error.hpp>
#include <peft/io/config/encoder.hpp>
#include <peft/io/config/fields.hpp>
#include <peft/io/config/model_type.hpp>
#include <peft/io/config/roberta.hpp>

namespace peft {

PEFT_INLINE RobertaConfig parse_roberta_config(std::string_view text, const std::string& where) {
  using namespace config_reader;
  const auto document = parse_json(text, where);
  const JsonFields fields(document, where);
  RobertaConfig config;
  config.model_type = model_type(fields, {"roberta", "xlm-roberta", "camembert"});
  only_absolute_positions(fields);
  read_encoder(fields, config, 1, "classifier_dropout");
  if (config.pad_token_id < 0) fields.refuse("pad_token_id", "a token (positions are counted from behind its row)");
  if (config.longest() < 1)
    fields.refuse("max_position_embeddings",
                  cat("more than the ", config.first_position(), " rows up to that of pad_token_id"));
  return config;
}

PEFT_INLINE RobertaConfig read_roberta_config(const std::filesystem::path& path) {
  return config_reader::read_file(path, parse_roberta_config, read_model_type);
}

}  // namespace peft
