// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/error.hpp>
#include <peft/io/config/bert.hpp>
#include <peft/io/config/encoder.hpp>
#include <peft/io/config/fields.hpp>
#include <peft/io/config/model_type.hpp>

namespace peft {

PEFT_INLINE BertConfig parse_bert_config(std::string_view text, const std::string& where) {
  using namespace config_reader;
  const auto document = parse_json(text, where);
  const JsonFields fields(document, where);
  BertConfig config;
  config.model_type = model_type(fields, {"bert"});
  only_absolute_positions(fields);
  read_encoder(fields, config, 1, "classifier_dropout");
  return config;
}

PEFT_INLINE BertConfig read_bert_config(const std::filesystem::path& path) {
  return config_reader::read_file(path, parse_bert_config, read_model_type);
}

}  // namespace peft
