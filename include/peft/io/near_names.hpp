// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace peft {

/// The edit distance of `a` and `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// For error messages: "; near names: ..." with up to three of `names` that look like `name`, else "".
std::string near_names(std::string_view name, std::span<const std::string> names);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/near_names.ipp>
#endif
