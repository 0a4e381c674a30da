// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// One record of a table: its fields, and the line of the file on which it begins, from 1.
struct Row {
  std::size_t line = 0;
  std::vector<std::string_view> fields;
};

/// The text without the mark with which some editors begin a UTF-8 file. Throws Error for a NUL byte, which no table
/// holds but UTF-16 text and binary files do.
std::string_view table_text(std::string_view text, const std::string& name);

/// Text of a file in an error message: quoted, shortened, without bytes that would garble a terminal.
std::string quoted(std::string_view text);

/// The names for an error message: quoted, separated by ", ", the first twenty.
std::string listed(const std::vector<std::string>& names);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/row.ipp>
#endif
