// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/text/tokenizer_parts.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace peft {

namespace tokenizer_json {

inline constexpr std::int64_t largest_id = std::numeric_limits<std::int32_t>::max() - 1;

inline std::int32_t id_in(const JsonFields& fields, const std::string& key) {
  return static_cast<std::int32_t>(fields.integer(key, 0, largest_id));
}

inline JsonFields child(const JsonFields& fields, const std::string& key) {
  return {fields.at(key), cat(fields.where(), ": ", key)};
}

inline const nlohmann::json& array_in(const JsonFields& fields, const std::string& key) {
  if (!fields.at(key).is_array()) fields.refuse(key, "an array");
  return fields.at(key);
}

inline void expect_type(const JsonFields& fields, const std::string& expected) {
  const std::string type = fields.text("type");
  require(type == expected, fields.where(), " is of type \"", type, "\", but only the BERT family's ", expected,
          " can be read; use a checkpoint of that family");
}

inline WordPiece read_model(const JsonFields& fields) {
  if (fields.find("type") != nullptr) expect_type(fields, "WordPiece");  // the oldest files do not say
  const JsonFields ids = child(fields, "vocab");
  Vocabulary vocabulary;
  for (const auto& entry : fields.at("vocab").items()) vocabulary.set(entry.key(), id_in(ids, entry.key()));
  WordPieceOptions options;
  options.unk_token = fields.text("unk_token", options.unk_token);
  options.continuing_prefix = fields.text("continuing_subword_prefix", options.continuing_prefix);
  options.max_chars = static_cast<std::size_t>(fields.integer("max_input_chars_per_word", 0, largest_id, 100));
  require(vocabulary.find(options.unk_token) != Vocabulary::none, ids.where(), ": none of its ", vocabulary.size(),
          " tokens is the unknown token \"", options.unk_token, '"');
  return {std::move(vocabulary), std::move(options)};
}

inline BertNormalizer read_normalizer(const JsonFields& fields) {
  expect_type(fields, "BertNormalizer");
  const bool lowercase = fields.boolean("lowercase", true);
  return {fields.boolean("clean_text", true), fields.boolean("handle_chinese_chars", true),
          fields.boolean("strip_accents", lowercase), lowercase};
}

inline std::vector<SequenceTemplate::Piece> read_template(const JsonFields& processor, const std::string& name) {
  using Kind = SequenceTemplate::Kind;
  std::vector<SequenceTemplate::Piece> out;
  for (const auto& value : array_in(processor, name)) {
    const JsonFields piece(value, cat(processor.where(), ": ", name, '[', out.size(), ']'));
    const bool sequence = piece.find("Sequence") != nullptr;
    const JsonFields content = child(piece, sequence ? "Sequence" : "SpecialToken");
    const std::string id = content.text("id");
    out.push_back({Kind::Special, id_in(content, "type_id")});
    if (sequence) {
      if (id != "A" && id != "B") content.refuse("id", "\"A\" or \"B\"");
      out.back().kind = id == "A" ? Kind::A : Kind::B;
      continue;
    }
    const JsonFields token = child(child(processor, "special_tokens"), id);
    for (const auto& number : array_in(token, "ids")) {
      if (!number.is_number_unsigned() || number.get<std::uint64_t>() > largest_id)
        token.refuse("ids", "token ids only");
      out.back().ids.push_back(number.get<std::int32_t>());
    }
  }
  const auto times = [&](Kind kind) {
    return std::count_if(out.begin(), out.end(), [&](const auto& piece) { return piece.kind == kind; });
  };
  require(times(Kind::A) == 1 && times(Kind::B) == (name == "pair" ? 1 : 0), processor.where(), ": ", name,
          name == "pair" ? " must hold the sequences A and B once each" : " must hold the sequence A once and no B");
  return out;
}

inline SequenceTemplate read_sequence(const JsonFields& fields) {
  if (fields.text("type") == "BertProcessing") {  // {"cls": ["[CLS]", 101], "sep": ["[SEP]", 102]}
    const auto id_of = [&](const std::string& key) {
      const auto& pair = array_in(fields, key);
      if (pair.size() != 2 || !pair[1].is_number_unsigned() || pair[1].get<std::uint64_t>() > largest_id)
        fields.refuse(key, "a token and its id");
      return pair[1].get<std::int32_t>();
    };
    return SequenceTemplate::bert(id_of("cls"), id_of("sep"));
  }
  expect_type(fields, "TemplateProcessing");
  return {read_template(fields, "single"), read_template(fields, "pair")};
}

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

inline std::vector<AddedToken> read_added_tokens(const JsonFields& root, const Vocabulary& vocabulary) {
  std::vector<AddedToken> out;
  if (root.find("added_tokens") == nullptr) return out;
  for (const auto& value : array_in(root, "added_tokens")) {
    const JsonFields fields(value, cat(root.where(), ": added_tokens[", out.size(), ']'));
    out.push_back(read_added_token(fields, id_in(fields, "id")));
    const std::int32_t known = vocabulary.find(out.back().content);
    require(known == Vocabulary::none || known == out.back().id, fields.where(), ": \"", out.back().content,
            "\" has the id ", out.back().id, ", but ", known, " in the model's vocabulary");
  }
  return out;
}

}  // namespace tokenizer_json

/// Reads Hugging Face's tokenizer.json of a BERT-like model (BertNormalizer, BertPreTokenizer, WordPiece). Its padding
/// and truncation are ignored: lengths are the caller's choice. Throws Error for anything else or malformed.
inline TokenizerParts read_tokenizer_json(const std::filesystem::path& file) {
  using namespace tokenizer_json;
  const nlohmann::json document = parse_json_file(file);
  const JsonFields root(document, file.string());
  WordPiece model = read_model(child(root, "model"));
  const bool has_normalizer = root.find("normalizer") != nullptr;
  const auto normalizer =
      has_normalizer ? read_normalizer(child(root, "normalizer")) : BertNormalizer{false, false, false, false};
  expect_type(child(root, "pre_tokenizer"), "BertPreTokenizer");
  const bool has_sequence = root.find("post_processor") != nullptr;
  auto sequence = has_sequence ? read_sequence(child(root, "post_processor")) : SequenceTemplate();
  auto added = read_added_tokens(root, model.vocabulary());
  return {BertWordPiece{normalizer, std::move(model)}, std::move(sequence), std::move(added), {}};
}

}  // namespace peft
