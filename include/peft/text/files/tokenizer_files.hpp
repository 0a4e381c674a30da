// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/text/files/sentencepiece_model.hpp>
#include <peft/text/files/tokenizer_json.hpp>
#include <peft/text/files/vocab_txt.hpp>
#include <peft/text/tokenizer_parts.hpp>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

namespace peft {

namespace tokenizer_files {

// What tokenizer_config.json adds to the other files.
struct Config {
  RoleTokens roles;
  std::vector<AddedToken> added;
  std::optional<bool> lowercase, chinese, strip_accents;
  bool accents_follow_case = false;  // "strip_accents": null

  // Where it speaks about BERT's normaliser it has the last word, as in transformers.
  void apply(BertNormalizer& normalizer) const {
    const bool follows = accents_follow_case || normalizer.strip_accents == normalizer.lowercase;
    normalizer.lowercase = lowercase.value_or(normalizer.lowercase);
    normalizer.strip_accents = strip_accents.value_or(follows ? normalizer.lowercase : normalizer.strip_accents);
    normalizer.handle_chinese_chars = chinese.value_or(normalizer.handle_chinese_chars);
  }
};

inline std::vector<AddedToken> read_added_by_id(const JsonFields& by_id, const nlohmann::json& entries) {
  std::vector<AddedToken> out;
  for (const auto& entry : entries.items()) {
    const std::string& key = entry.key();
    std::int32_t id = -1;
    const auto [end, status] = std::from_chars(key.data(), key.data() + key.size(), id);
    require(status == std::errc() && end == key.data() + key.size() && id >= 0 && id <= tokenizer_json::largest_id,
            by_id.where(), ": the key \"", key, "\" is not the id of a token");
    out.push_back(tokenizer_json::read_added_token(tokenizer_json::child(by_id, key), id));
  }
  return out;
}

inline RoleTokens read_roles(const JsonFields& root) {
  const auto role = [&](const char* key) {  // a string, or an object with its content
    const auto* value = root.find(key);
    if (value == nullptr) return std::string();
    return value->is_object() ? tokenizer_json::child(root, key).text("content") : root.text(key);
  };
  return {role("cls_token"),  role("sep_token"), role("pad_token"), role("unk_token"),
          role("mask_token"), role("bos_token"), role("eos_token")};
}

inline Config read_config(const std::filesystem::path& folder) {
  Config out;
  const auto file = folder / "tokenizer_config.json", map = folder / "special_tokens_map.json";
  if (std::filesystem::exists(map)) {
    const nlohmann::json document = parse_json_file(map);
    out.roles = read_roles(JsonFields(document, map.string()));
  }
  if (!std::filesystem::exists(file)) return out;
  const nlohmann::json document = parse_json_file(file);
  const JsonFields root(document, file.string());
  out.roles = read_roles(root).or_else(out.roles);
  const auto flag = [&](const char* key, std::optional<bool>& value) {
    if (root.find(key) != nullptr) value = root.boolean(key, false);
  };
  flag("do_lower_case", out.lowercase);
  flag("tokenize_chinese_chars", out.chinese);
  flag("strip_accents", out.strip_accents);
  out.accents_follow_case = !out.strip_accents && document.contains("strip_accents");
  if (const auto* entries = root.find("added_tokens_decoder"))
    out.added = read_added_by_id(tokenizer_json::child(root, "added_tokens_decoder"), *entries);
  return out;
}

}  // namespace tokenizer_files

/// Reads the tokenizer in a checkpoint's folder: `tokenizer.json`, else `vocab.txt`, `spiece.model` or `spm.model`;
/// `tokenizer_config.json` and `special_tokens_map.json` name the role tokens, the first may change BERT's normaliser.
inline TokenizerParts read_tokenizer(const std::filesystem::path& folder) {
  const auto has = [&](const char* name) { return std::filesystem::exists(folder / name); };
  const auto config = tokenizer_files::read_config(folder);
  if (has("tokenizer.json")) {
    TokenizerParts out = read_tokenizer_json(folder / "tokenizer.json");  // which lists its added tokens itself
    out.roles = config.roles.or_else(out.roles);
    for (auto& step : out.pipeline.normalizer.steps)
      if (auto* bert = std::get_if<BertNormalizer>(&step)) config.apply(*bert);
    return out;
  }
  const bool words = has("vocab.txt"), t5 = has("spiece.model");
  require(words || t5 || has("spm.model"), folder.string(),
          ": neither tokenizer.json nor vocab.txt, spiece.model or spm.model is there; give the folder of a checkpoint "
          "with its tokenizer");
  TokenizerParts out = words ? read_bert_vocab(folder / "vocab.txt", config.roles.or_else(RoleTokens::bert()))
                             : read_sentencepiece(folder / (t5 ? "spiece.model" : "spm.model"));
  out.roles = config.roles.or_else(out.roles);
  for (auto& step : out.pipeline.normalizer.steps)
    if (auto* bert = std::get_if<BertNormalizer>(&step)) config.apply(*bert);
  for (const AddedToken& token : config.added) {
    std::erase_if(out.added, [&](const AddedToken& other) { return other.content == token.content; });
    out.added.push_back(token);
  }
  return out;
}

}  // namespace peft
