// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "plan.hpp"

/// What a composition may hold, with its spaces in order: names, numbers, quoted patterns of sites, and < > , | ::
/// between them. Names are the library's; with `others` any, as a header brings its own. Throws peft::Error that begins
/// with `whose`. So nothing but types is compiled, wherever the text is from.
std::string composition_of(std::string_view text, bool others, const std::string& whose);

/// Writes the source of the composition's unit into `units`, where it is not there yet; the unit's path. It is named by
/// what the source says, and by what the header holds.
std::filesystem::path write_composition(const Plan& plan, const std::filesystem::path& units);
