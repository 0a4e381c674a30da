// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include <peft/core/error.hpp>
#include <peft/io/bert_config.hpp>
#include <peft/io/config/encoder.hpp>
#include <peft/io/config/fields.hpp>

namespace peft {

/// Reads the text of a BERT config.json. `where` names it in errors. Throws Error naming the key for a model of another
/// kind (model_type, positions, decoder), for a value of the wrong type and for one that no model can have.
inline BertConfig parse_bert_config(std::string_view text, const std::string& where) {
  using namespace config_reader;
  const auto document = parse_json(text, where);
  const JsonFields fields(document, where);
  BertConfig config;
  config.model_type = model_type(fields, {"bert"});
  only_absolute_positions(fields);
  read_encoder(fields, config, 1, "classifier_dropout");
  return config;
}

/// Reads a config.json, or the one in a model folder.
inline BertConfig read_bert_config(const std::filesystem::path& path) {
  return config_reader::read_file(path, parse_bert_config);
}

}  // namespace peft
