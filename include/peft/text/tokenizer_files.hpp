// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/text/json_node.hpp>
#include <peft/text/tokenizer_json.hpp>
#include <peft/text/tokenizer_parts.hpp>
#include <peft/text/vocab_txt.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace peft {

namespace tokenizer_files {

// What tokenizer_config.json adds to the other files. Where it speaks about the normaliser it has the last word, as in
// transformers.
struct Config {
  RoleTokens roles;
  std::optional<bool> lowercase, chinese;
  std::optional<std::optional<bool>> strip_accents;  // null: as lowercase
  std::vector<AddedToken> added;

  void apply(BertNormalizer& normalizer) const {
    const bool followed = normalizer.strip_accents == normalizer.lowercase;
    if (lowercase) normalizer.lowercase = *lowercase;
    if (strip_accents) normalizer.strip_accents = strip_accents->value_or(normalizer.lowercase);
    else if (followed) normalizer.strip_accents = normalizer.lowercase;
    if (chinese) normalizer.handle_chinese_chars = *chinese;
  }
};

inline Config read_config(const std::filesystem::path& file) {
  Config out;
  if (!std::filesystem::exists(file)) return out;
  const nlohmann::json document = parse_json_file(file);
  const JsonNode root(document, file.string() + ": ");
  const auto role = [&](const char* key, std::string& name) {  // a string, or an object with its content
    if (root.has(key)) name = root.at(key).is_text() ? root.at(key).text() : root.at(key).at("content").text();
  };
  role("cls_token", out.roles.cls);
  role("sep_token", out.roles.sep);
  role("pad_token", out.roles.pad);
  role("unk_token", out.roles.unk);
  role("mask_token", out.roles.mask);
  if (root.has("do_lower_case")) out.lowercase = root.at("do_lower_case").flag();
  if (root.has("tokenize_chinese_chars")) out.chinese = root.at("tokenize_chinese_chars").flag();
  if (root.has("strip_accents")) out.strip_accents = std::optional(root.at("strip_accents").flag());
  else if (root.mentions("strip_accents")) out.strip_accents = std::optional<bool>();
  if (!root.has("added_tokens_decoder")) return out;
  root.at("added_tokens_decoder").for_each_member([&](const std::string& key, const JsonNode& node) {
    std::int32_t id = 0;
    const auto [end, status] = std::from_chars(key.data(), key.data() + key.size(), id);
    require(status == std::errc() && end == key.data() + key.size() && id >= 0, node.place(),
            ": a token's id was expected as key");
    out.added.push_back(read_added_token(node, id));
  });
  return out;
}

}  // namespace tokenizer_files

/// Reads the tokenizer in a checkpoint's folder: `tokenizer.json`, else `vocab.txt`; `tokenizer_config.json` names the
/// role tokens and may change the normaliser.
inline TokenizerParts read_tokenizer(const std::filesystem::path& folder) {
  const auto json = folder / "tokenizer.json", vocabulary = folder / "vocab.txt";
  const bool has_json = std::filesystem::exists(json);
  require(has_json || std::filesystem::exists(vocabulary), folder.string(),
          ": neither tokenizer.json nor vocab.txt is there; give the folder of a checkpoint with its tokenizer");
  const auto config = tokenizer_files::read_config(folder / "tokenizer_config.json");
  TokenizerParts out =
      has_json ? read_tokenizer_json(json) : read_bert_vocab(vocabulary, BertNormalizer(), config.roles);
  out.roles = config.roles;
  config.apply(std::get<BertWordPiece>(out.model).normalizer);
  if (has_json) return out;
  for (const AddedToken& token : config.added) {
    const auto same = [&](const AddedToken& other) { return other.content == token.content; };
    std::erase_if(out.added, same);
    out.added.push_back(token);
  }
  return out;
}

}  // namespace peft
