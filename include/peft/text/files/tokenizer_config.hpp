// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/text/files/tokenizer_class.hpp>
#include <peft/text/files/tokenizer_json.hpp>
#include <peft/text/role_tokens.hpp>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace peft {

/// What tokenizer_config.json, special_tokens_map.json and added_tokens.json add to a tokenizer's other files.
struct TokenizerConfig {
  RoleTokens roles{};
  std::vector<AddedToken> special{};  // roles and further tokens, as far as more than their content is given
  std::vector<std::string> further{}; // additional_special_tokens
  std::vector<AddedToken> added{};    // by ascending id
  std::optional<bool> lowercase{}, chinese{}, strip_accents{}, add_prefix_space{}, add_bos{}, add_eos{}, legacy{},
      split_by_punct{};
  bool accents_follow_case = false;  // "strip_accents": null
  std::optional<int> extra_ids{};
  std::optional<TokenizerClass> made_by{};
  bool has_chat_template = false;

  static constexpr const char* files[] = {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"};
  static TokenizerConfig read(const std::filesystem::path& folder);

 private:
  std::set<std::string> known_{};  // `further`, to be asked

  static constexpr std::pair<const char*, std::string RoleTokens::*> role_keys[] = {
      {"cls_token", &RoleTokens::cls}, {"sep_token", &RoleTokens::sep},   {"pad_token", &RoleTokens::pad},
      {"unk_token", &RoleTokens::unk}, {"mask_token", &RoleTokens::mask}, {"bos_token", &RoleTokens::bos},
      {"eos_token", &RoleTokens::eos}};

  void read_flags(const JsonFields& root);
  void read_special(const JsonFields& root);
  std::string special_token(const JsonFields& root, const std::string& key, const nlohmann::json& value);
  void read_added_by_id(const JsonFields& by_id, const nlohmann::json& entries);
  void read_added_tokens(const std::filesystem::path& file);
};

// A string, or an object with its content, which is remembered.
inline std::string TokenizerConfig::special_token(const JsonFields& root, const std::string& key,
                                                  const nlohmann::json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  const JsonFields fields(value, root.where() + ": " + key);
  AddedToken token = tokenizer_json::read_added_token(fields, 0);
  token.special = true;
  token.normalized = fields.boolean("normalized", false);
  special.push_back(token);
  return token.content;
}

// Names of role tokens and further special tokens, which replace those that are there.
inline void TokenizerConfig::read_special(const JsonFields& root) {
  for (const auto& [key, role] : role_keys)
    if (const auto* value = root.find(key)) roles.*role = special_token(root, key, *value);
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
    const auto* const list = root.find(key);
    if (list == nullptr || (list->is_object() && key[0] == 'e' && list->empty())) continue;
    if (!list->is_array() && !list->is_object()) root.refuse(key, "an array of tokens");
    for (const auto& value : *list) {  // an object's are named, as "image_token"
      const std::string content = special_token(root, key, value);
      if (!content.empty() && known_.insert(content).second) further.push_back(content);
    }
  }
}

inline void TokenizerConfig::read_added_by_id(const JsonFields& by_id, const nlohmann::json& entries) {
  for (const auto& entry : entries.items()) {
    const std::string& key = entry.key();
    std::int32_t id = -1;
    const auto [end, status] = std::from_chars(key.data(), key.data() + key.size(), id);
    require(status == std::errc() && end == key.data() + key.size() && id >= 0 && id <= tokenizer_json::largest_id,
            by_id.where(), ": the key \"", key, "\" is not the id of a token");
    added.push_back(tokenizer_json::read_added_token(tokenizer_json::child(by_id, key), id));
  }
}

// {"token": id}, of transformers before 4.34.
inline void TokenizerConfig::read_added_tokens(const std::filesystem::path& file) {
  const nlohmann::json document = parse_json_file(file);
  const JsonFields root(document, file.string());
  for (const auto& entry : document.items()) {
    const std::string& content = entry.key();
    bool is_special = known_.contains(content);
    for (const auto& [key, role] : role_keys) is_special = is_special || roles.*role == content;
    added.push_back({.content = content,
                     .id = tokenizer_json::id_in(root, content),
                     .special = is_special,
                     .normalized = !is_special});
  }
}

inline void TokenizerConfig::read_flags(const JsonFields& root) {
  const auto flag = [&](const char* key, std::optional<bool>& value) {
    if (root.find(key) != nullptr) value = root.boolean(key, false);
  };
  flag("do_lower_case", lowercase);
  flag("tokenize_chinese_chars", chinese);
  flag("strip_accents", strip_accents);
  if (root.given("add_prefix_space"))
    add_prefix_space = root.boolean("add_prefix_space", false);  // null is false: so it is converted
  flag("add_bos_token", add_bos);
  flag("add_eos_token", add_eos);
  flag("legacy", legacy);
  flag("split_by_punct", split_by_punct);
  if (root.find("extra_ids") != nullptr) extra_ids = static_cast<int>(root.integer("extra_ids", 0, 10000));
  if (root.find("tokenizer_class") != nullptr) made_by = TokenizerClass::of_name(root.text("tokenizer_class"));
  has_chat_template = has_chat_template || root.find("chat_template") != nullptr;
}

inline TokenizerConfig TokenizerConfig::read(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  TokenizerConfig out;
  const auto file = folder / files[0], map = folder / files[1], added = folder / files[2],
             model = folder / "config.json";
  out.has_chat_template = fs::exists(folder / "chat_template.jinja") || fs::exists(folder / "chat_template.json");
  bool by_id = false;
  if (fs::exists(file)) {
    const nlohmann::json document = parse_json_file(file);
    const JsonFields root(document, file.string());
    out.read_flags(root);
    out.read_special(root);
    out.accents_follow_case = !out.strip_accents && document.contains("strip_accents");
    if (const auto* entries = root.find("added_tokens_decoder")) {
      by_id = true;
      out.read_added_by_id(tokenizer_json::child(root, "added_tokens_decoder"), *entries);
    }
  }
  if (!by_id) {  // then nothing else counts
    if (fs::exists(map)) {
      const nlohmann::json document = parse_json_file(map);
      out.read_special(JsonFields(document, map.string()));
    }
    if (fs::exists(added)) out.read_added_tokens(added);
  }
  std::stable_sort(out.added.begin(), out.added.end(),
                   [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  if (!out.made_by && fs::exists(model)) {
    const nlohmann::json document = parse_json_file(model);
    const JsonFields root(document, model.string());
    if (root.find("tokenizer_class") != nullptr)
      out.made_by = TokenizerClass::of_name(root.text("tokenizer_class"));
    else if (root.find("model_type") != nullptr)
      out.made_by = TokenizerClass::of_model(root.text("model_type"));
  }
  return out;
}

}  // namespace peft
