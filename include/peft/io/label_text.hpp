// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/inline.hpp>

namespace peft {

/// The class names of a saved head by index: empty for a regression head, nothing if it was saved without them.
using HeadLabels = std::optional<std::vector<std::string>>;

/// The key of a file's metadata (or of a delta's settings) that holds them.
inline constexpr const char* labels_key = "labels";

/// The names of a head's classes, by index, as one text for a file's metadata: a JSON list.
/// Throws Error when a name is not UTF-8; `where` says what was to be written.
std::string to_label_text(const std::vector<std::string>& names, std::string_view where);

/// Reads it again. Throws Error, naming `where`, for anything but a list of different names.
std::vector<std::string> from_label_text(std::string_view text, std::string_view where);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/label_text.ipp>
#endif
