// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/text/files/decoder_json.hpp>
#include <peft/text/files/json_parts.hpp>
#include <peft/text/files/model_json.hpp>
#include <peft/text/files/normalizer_json.hpp>
#include <peft/text/files/sequence_json.hpp>
#include <peft/text/files/splitter_json.hpp>
#include <peft/text/tokenizer_parts.hpp>
#include <string>
#include <utility>
#include <vector>

namespace peft {

namespace tokenizer_json {

/// One entry of `added_tokens`, or of `added_tokens_decoder` in tokenizer_config.json, where the key is the id.
inline AddedToken read_added_token(const JsonFields& fields, std::int32_t id) {
  const bool special = fields.boolean("special", false);
  return {.content = fields.text("content"),
          .id = id,
          .special = special,
          .single_word = fields.boolean("single_word", false),
          .lstrip = fields.boolean("lstrip", false),
          .rstrip = fields.boolean("rstrip", false),
          .normalized = fields.boolean("normalized", !special)};
}

inline void read_added_tokens(const JsonFields& root, TokenizerParts& out) {
  if (root.find("added_tokens") == nullptr) return;
  std::size_t number = 0;
  for (const auto& value : array_in(root, "added_tokens")) {
    const JsonFields fields(value, cat(root.where(), ": added_tokens[", number++, ']'));
    out.add(read_added_token(fields, id_in(fields, "id")));
  }
}

}  // namespace tokenizer_json

/// Reads Hugging Face's tokenizer.json: WordPiece, byte-pair encoding or Unigram, with the steps around them. Its
/// padding and truncation are ignored: lengths are the caller's choice. Throws Error, saying where, for what is unknown
/// or malformed.
inline TokenizerParts read_tokenizer_json(const std::filesystem::path& file) {
  using namespace tokenizer_json;
  const nlohmann::json document = parse_json_file(file);
  const JsonFields root(document, file.string());
  TokenizerParts out{{read_normalizer(root), read_splitter(root), read_model(child(root, "model"))},
                     read_decoder(root)};
  tokenizer_json::Sequence sequence = read_sequence(root);
  out.sequence = std::move(sequence.sequence);
  out.roles = std::move(sequence.roles);
  if (const auto unk = out.pipeline.vocabulary().token(out.pipeline.unk())) out.roles.unk = *unk;
  read_added_tokens(root, out);
  return out;
}

}  // namespace peft
