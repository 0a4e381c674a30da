// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "../options.hpp"

/// The member of Options that an option sets.
using Member = std::variant<std::string Options::*, int Options::*, std::int64_t Options::*, std::uint64_t Options::*,
                            double Options::*, bool Options::*, std::vector<std::string> Options::*>;

/// What an option takes.
struct Accepts {
  enum Kind { text, path, name, number, on, off, setting } kind = text;
  double low = 0, high = std::numeric_limits<double>::infinity();  // of a number
  std::span<const std::string_view> names{};                       // in any case
};

/// An option of the command line: all that the parser, --help and the hand-over to a unit know of it.
struct OptionInfo {
  std::string_view name;   // without its dashes
  std::string_view group;  // in --help
  Member member;
  Accepts accepts;
  std::string_view help;
  std::string_view standard = "";  // for --help, where the member's own value is no answer
  bool required = false;
};

/// By group, in the order of --help. Adding an option is adding its row, and its member in options.hpp.
std::span<const OptionInfo> option_table();

/// The option of that name; throws peft::Error with near names where there is none.
const OptionInfo& option_named(std::string_view name);

/// Gives an option a value, as a user writes it. Throws peft::Error that names the option.
void assign(Options& options, const OptionInfo& option, std::string text);

/// Everything that differs from the standard values, as --name=value: what one program hands over to the other.
std::vector<std::string> arguments_of(const Options& options);
/// The same read back.
Options options_from(std::span<const std::string> arguments);
