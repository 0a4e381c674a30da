// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/text/json_node.hpp>
#include <peft/text/tokenizer_parts.hpp>
#include <string>
#include <utility>
#include <vector>

namespace peft {

/// Reads Hugging Face's tokenizer.json of a BERT-like model (BertNormalizer, BertPreTokenizer, WordPiece). Its padding
/// and truncation are ignored: lengths are the caller's choice. Throws Error for anything else or malformed.
TokenizerParts read_tokenizer_json(const std::filesystem::path& file);

/// One entry of `added_tokens`, or of `added_tokens_decoder` in tokenizer_config.json, where the key is the id.
inline AddedToken read_added_token(const JsonNode& node, std::int32_t id) {
  const bool special = node.flag("special", false);
  return {.content = node.at("content").text(),
          .id = id,
          .special = special,
          .single_word = node.flag("single_word", false),
          .lstrip = node.flag("lstrip", false),
          .rstrip = node.flag("rstrip", false),
          .normalized = node.flag("normalized", !special)};
}

namespace tokenizer_json {

inline void expect_type(const JsonNode& node, const std::string& expected) {
  const std::string type = node.at("type").text();
  require(type == expected, node.place(), " is of type \"", type, "\"; only ", expected,
          " is read here, as the BERT family has it. Use a checkpoint of that family");
}

inline WordPiece read_model(const JsonNode& node) {
  if (node.has("type")) expect_type(node, "WordPiece");  // the oldest files do not say
  Vocabulary vocabulary;
  node.at("vocab").for_each_member(
      [&](const std::string& token, const JsonNode& id) { vocabulary.set(token, id.count()); });
  WordPieceOptions options;
  options.unk_token = node.text("unk_token", options.unk_token);
  options.continuing_prefix = node.text("continuing_subword_prefix", options.continuing_prefix);
  if (node.has("max_input_chars_per_word"))
    options.max_chars = static_cast<std::size_t>(node.at("max_input_chars_per_word").count());
  try {
    return WordPiece(std::move(vocabulary), std::move(options));
  } catch (const Error& error) {
    fail(node.place(), ": ", error.what());
  }
}

inline BertNormalizer read_normalizer(const JsonNode& node) {
  expect_type(node, "BertNormalizer");
  BertNormalizer out;
  out.clean_text = node.flag("clean_text", out.clean_text);
  out.handle_chinese_chars = node.flag("handle_chinese_chars", out.handle_chinese_chars);
  out.lowercase = node.flag("lowercase", out.lowercase);
  out.strip_accents = node.flag("strip_accents", out.lowercase);  // null: when lower-casing
  return out;
}

inline std::vector<SequenceTemplate::Piece> read_template(const JsonNode& pieces, const JsonNode& processor) {
  using Kind = SequenceTemplate::Kind;
  std::vector<SequenceTemplate::Piece> out;
  pieces.for_each_element([&](const JsonNode& piece) {
    const bool sequence = piece.has("Sequence");
    const JsonNode node = piece.at(sequence ? "Sequence" : "SpecialToken");
    const std::string name = node.at("id").text();
    out.push_back({Kind::Special, node.at("type_id").count()});
    if (sequence) {
      require(name == "A" || name == "B", node.place(), ".id is \"", name, "\", A or B was expected");
      out.back().kind = name == "A" ? Kind::A : Kind::B;
    } else {
      const JsonNode ids = processor.at("special_tokens").at(name.c_str()).at("ids");
      ids.for_each_element([&](const JsonNode& id) { out.back().ids.push_back(id.count()); });
    }
  });
  return out;
}

inline std::size_t times(const std::vector<SequenceTemplate::Piece>& pieces, SequenceTemplate::Kind kind) {
  std::size_t n = 0;
  for (const auto& piece : pieces) n += piece.kind == kind;
  return n;
}

inline SequenceTemplate read_sequence(const JsonNode& node) {
  using Kind = SequenceTemplate::Kind;
  if (node.at("type").text() == "BertProcessing") {  // {"cls": ["[CLS]", 101], "sep": ["[SEP]", 102]}
    const auto id_of = [&](const char* key) {
      std::int32_t id = Vocabulary::none;
      node.at(key).for_each_element([&](const JsonNode& part) {
        if (!part.is_text()) id = part.count();
      });
      require(id != Vocabulary::none, node.place(), '.', key, " holds no id; a token and its id were expected");
      return id;
    };
    return SequenceTemplate::bert(id_of("cls"), id_of("sep"));
  }
  expect_type(node, "TemplateProcessing");
  SequenceTemplate out{read_template(node.at("single"), node), read_template(node.at("pair"), node)};
  require(times(out.single, Kind::A) == 1 && times(out.single, Kind::B) == 0, node.place(),
          ".single must hold the sequence A once and no B");
  require(times(out.pair, Kind::A) == 1 && times(out.pair, Kind::B) == 1, node.place(),
          ".pair must hold the sequences A and B once each");
  return out;
}

}  // namespace tokenizer_json

inline TokenizerParts read_tokenizer_json(const std::filesystem::path& file) {
  const nlohmann::json document = parse_json_file(file);
  const JsonNode root(document, file.string() + ": ");
  WordPiece model = tokenizer_json::read_model(root.at("model"));
  BertNormalizer normalizer{false, false, false, false};
  if (root.has("normalizer")) normalizer = tokenizer_json::read_normalizer(root.at("normalizer"));
  tokenizer_json::expect_type(root.at("pre_tokenizer"), "BertPreTokenizer");
  TokenizerParts out{BertWordPiece{normalizer, std::move(model)}, {}, {}, {}};
  if (root.has("post_processor")) out.sequence = tokenizer_json::read_sequence(root.at("post_processor"));
  if (!root.has("added_tokens")) return out;
  const Vocabulary& vocabulary = std::get<BertWordPiece>(out.model).vocabulary();
  root.at("added_tokens").for_each_element([&](const JsonNode& node) {
    AddedToken token = read_added_token(node, node.at("id").count());
    const std::int32_t known = vocabulary.find(token.content);
    require(known == Vocabulary::none || known == token.id, node.place(), ": \"", token.content, "\" has the id ",
            token.id, ", but ", known, " in model.vocab");
    out.added.push_back(std::move(token));
  });
  return out;
}

}  // namespace peft
