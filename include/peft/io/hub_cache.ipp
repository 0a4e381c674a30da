// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/hub_cache.hpp>
#include <peft/io/mapped_file.hpp>

namespace peft {

namespace hub {

/// The variables in the order in which they count, and what follows their value.
PEFT_INLINE constexpr struct {
  const char *variable, *below;
} places[] = {{"HF_HUB_CACHE", ""},
              {"HUGGINGFACE_HUB_CACHE", ""},
              {"HF_HOME", "hub"},
              {"XDG_CACHE_HOME", "huggingface/hub"},
              {"HOME", ".cache/huggingface/hub"}};

PEFT_INLINE std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Letters, digits, '-', '_' and '.', as the hub allows them, and neither "--", which separates in the cache, nor "..".
PEFT_INLINE bool is_word(std::string_view text) {
  const auto inner = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && text.size() <= 96 && inner(text.front()) && inner(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return inner(c) || c == '-' || c == '.'; }) &&
         text.find("--") == text.npos && text.find("..") == text.npos;
}

PEFT_INLINE std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  for (auto slash = text.find('/'); slash != text.npos; slash = text.find('/')) {
    parts.push_back(text.substr(0, slash));
    text.remove_prefix(slash + 1);
  }
  parts.push_back(text);
  return parts;
}

PEFT_INLINE bool are_words(std::string_view text, std::size_t most) {
  const auto parts = parts_of(text);
  return parts.size() <= most && std::all_of(parts.begin(), parts.end(), is_word);
}

PEFT_INLINE bool is_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

/// The commit that the revision is in this cache: a reference's content, or the revision itself. "": it is not there.
PEFT_INLINE std::string commit_of(const std::filesystem::path& repository, const std::string& revision) {
  const auto reference = repository / "refs" / revision;
  std::error_code ignored;
  std::string commit = revision;
  if (std::filesystem::is_regular_file(reference, ignored)) commit = MappedFile(reference).text();
  while (commit.ends_with('\n') || commit.ends_with(' ')) commit.pop_back();
  return is_word(commit) && is_folder(repository / "snapshots" / commit) ? commit : "";
}

/// "; it holds owner/name@0123.. " of the snapshots that are there under other revisions.
PEFT_INLINE std::string others(const HubName& name, const std::filesystem::path& repository) {
  std::string there;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(repository / "snapshots", ignored))
    there += cat(there.empty() ? "; it holds " : ", ", name.repository, "@", entry.path().filename().string());
  return there;
}

}  // namespace hub

PEFT_INLINE std::string HubName::download() const {
  const std::string what = "download " + repository + (revision == "main" ? "" : " --revision " + revision);
  return "hf " + what + " (huggingface-cli " + what + " in older releases)";
}

PEFT_INLINE std::optional<HubName> HubName::of(const std::string& text) {
  const auto at = text.find('@');
  HubName name{text.substr(0, at)};
  if (at != text.npos) name.revision = text.substr(at + 1);
  if (!hub::are_words(name.repository, 2) || !hub::are_words(name.revision, 8)) return std::nullopt;
  return name;
}

PEFT_INLINE std::filesystem::path hub_cache() {
  for (const auto& [name, below] : hub::places) {
    std::string value = hub::variable(name);
    if (value.starts_with("~/")) value = hub::variable("HOME") + value.substr(1);
    if (!value.empty()) return *below == '\0' ? std::filesystem::path(value) : std::filesystem::path(value) / below;
  }
  return ".cache/huggingface/hub";
}

PEFT_INLINE std::filesystem::path resolve_model(const std::string& model) {
  std::error_code ignored;
  if (!model.empty() && std::filesystem::exists(model, ignored)) return model;
  if (model.find("://") != model.npos)
    fail("the model \"", model,
         "\" is an address; give the name of the model there, such as google-bert/bert-base-uncased");
  const auto name = HubName::of(model);
  if (!name)
    fail(
        "the model \"", model,
        "\": there is no such folder; expected a Hugging Face model folder (config.json, model.safetensors), or a model's name such as google-bert/bert-base-uncased");
  const auto cache = hub_cache();
  std::string folder = name->repository;
  if (const auto slash = folder.find('/'); slash != folder.npos) folder.replace(slash, 1, "--");
  const auto repository = cache / ("models--" + folder);
  const std::string commit = hub::commit_of(repository, name->revision);
  if (!commit.empty()) return repository / "snapshots" / commit;
  if (hub::is_folder(cache / ("datasets--" + folder)))
    fail("the model \"", model, "\" is a data set in Hugging Face's cache ", cache,
         "; expected a model's name or folder");
  fail("the model \"", model, "\" is neither a folder here nor in Hugging Face's cache ", cache,
       hub::others(*name, repository), "; nothing is downloaded by itself: ", name->download());
}

}  // namespace peft
