// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include <peft/core/inline.hpp>

namespace peft {

/// A model's name at the Hugging Face hub: "owner/name", "name" or "owner/name@revision".
struct HubName {
  std::string repository;         // "owner/name"
  std::string revision = "main";  // a branch, a tag or a commit

  /// The command that downloads the model into the cache.
  std::string download() const;

  /// Nothing for a text that cannot be a model's name.
  static std::optional<HubName> of(const std::string& text);
};

/// The folder where Hugging Face's libraries keep what they have downloaded: HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE,
/// HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub, the first that the environment gives.
std::filesystem::path hub_cache();

/// The folder that `model` means: itself, where something of that path exists, else the snapshot in the hub's cache of
/// the model of that name. Nothing is downloaded: where it is not there, the Error has the command that does.
std::filesystem::path resolve_model(const std::string& model);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/hub_cache.ipp>
#endif
