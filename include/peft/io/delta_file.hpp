// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/atomic_files.hpp>
#include <peft/io/tensor_ref.hpp>

namespace peft {

/// A trained delta of any method, for the methods that Hugging Face PEFT does not have: one safetensors file
/// `peft_delta.safetensors` whose metadata holds format "peft.hpp", version "1", the method's name and its settings (a
/// JSON object of strings).
struct DeltaFile {
  std::string method;                           // "sora"
  std::map<std::string, std::string> settings;  // what else is needed to attach it again: "rank", "sites", ...
  std::vector<HostTensor> tensors;              // head included, under their names in the model

  /// Throws Error naming the settings that exist.
  const std::string& setting(const std::string& key) const;

  /// Throws Error naming near tensors.
  const HostTensor& tensor(std::string_view name) const;
};

inline constexpr const char* delta_file_name = "peft_delta.safetensors";
inline constexpr const char* delta_file_version = "1";

/// Writes `folder`/peft_delta.safetensors atomically (the folder is made when missing).
/// Throws Error for an empty method, data that does not fit its shape, a name used twice, and when writing fails.
/// The folder then holds this save alone: an adapter that was there goes.
void save_delta(const std::filesystem::path& folder, const DeltaFile& delta);

/// The same as a part of what is saved together. `adapter`: the checksum of the adapter's tensors, where one stands
/// beside it.
void stage_delta(AtomicFiles& files, const std::filesystem::path& folder, const DeltaFile& delta,
                 const std::string& adapter = "");

/// Whether the folder holds such a file.
bool has_delta(const std::filesystem::path& folder);

/// Reads it again, tensors in the order written. Throws Error for a file of another format or version, a missing entry,
/// a damaged file, and tensors that are not F32.
DeltaFile load_delta(const std::filesystem::path& folder);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/delta_file.ipp>
#endif
