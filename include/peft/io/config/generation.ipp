// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

#include <peft/core/error.hpp>
#include <peft/io/config/fields.hpp>
#include <peft/io/config/generation.hpp>
#include <peft/io/config/model_type.hpp>

namespace peft {

PEFT_INLINE GenerationIds read_generation_ids(const std::filesystem::path& folder) {
  using namespace config_reader;
  const auto own = folder / "config.json", other = folder / "generation_config.json";
  const auto config = parse_json_file(own);
  const JsonFields fields(config, own.string());
  const std::string type = read_model_type(folder);
  const int vocabulary = whole(fields, "vocab_size", 1, 1 << 24);
  GenerationIds ids;
  if (type == "t5" || type == "mt5") ids = {{1}, 0, -1, -1};
  if (type == "gpt2") ids = {{50256}, -1, 50256, -1};
  if (type == "llama" || type == "mistral") ids = {{2}, -1, 1, -1};
  const auto read = [&](const JsonFields& from) {
    ids.eos = tokens(from, "eos_token_id", vocabulary, ids.eos);
    ids.pad = token(from, "pad_token_id", vocabulary, ids.pad);
    ids.bos = token(from, "bos_token_id", vocabulary, ids.bos);
    ids.decoder_start = token(from, "decoder_start_token_id", vocabulary, ids.decoder_start);
  };
  read(fields);
  if (std::filesystem::exists(other)) {
    const auto generation = parse_json_file(other);
    read(JsonFields(generation, other.string()));
  }
  const bool decodes = fields.boolean("is_encoder_decoder", type == "t5" || type == "mt5");
  if (decodes && ids.decoder_start < 0) ids.decoder_start = ids.pad;
  return ids;
}

}  // namespace peft
