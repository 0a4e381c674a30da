// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include <peft/core/inline.hpp>
#include <peft/io/atomic_files.hpp>

/// Files of one save know one another, so that none is read beside one of another save: each has a note, in the
/// metadata of its tensors, of what it belongs to. Notes are hashes of what the other file says, so that the same
/// training gives the same bytes; files of other libraries have none and are accepted.
namespace peft {

struct PeftAdapter;
class TensorFile;

/// In an adapter's tensors: of what changes numbers in its adapter_config.json.
inline constexpr std::string_view config_note = "peft.hpp.config";
/// In a delta of ours: the checksum of the adapter that was saved beside it.
inline constexpr std::string_view adapter_note = "peft.hpp.adapter";

/// Names do not count, nor what has the value that PEFT gives it when it is missing, nor keys that are not of the kind.
std::string hash_of_config(const PeftAdapter& adapter);

/// Throws Error where an adapter's tensors were saved with another config.
void check_config(const TensorFile& tensors, const PeftAdapter& adapter);

/// Throws Error where a folder has an adapter and a delta of ours, and the delta was saved with another adapter or
/// without one.
void check_one_save(const std::filesystem::path& folder);

/// Puts a save in place, alone: what an earlier one has left in the folder, and this one has not, goes.
void commit_save(AtomicFiles& files, const std::filesystem::path& folder);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/saved_together.ipp>
#endif
