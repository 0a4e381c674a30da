// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include <peft/core/inline.hpp>

namespace peft {

/// Explains what was found where a model's folder was expected, with a command or a path that works: an adapter, the
/// hub cache's folder above a snapshot, pointers of Git LFS, a GGUF file, quantised weights, an export, a run's folder,
/// .. Nothing if it may be a model.
std::optional<std::string> why_no_model(const std::filesystem::path& path);

/// Throws Error with that sentence.
void check_model_folder(const std::filesystem::path& path);

/// The same of the tensors' names of a checkpoint: quantised weights are no weights to go on from, whatever the config
/// says.
std::optional<std::string> why_no_weights(const std::filesystem::path& path, std::span<const std::string> names);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/model_folder.ipp>
#endif
