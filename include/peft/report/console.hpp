// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace peft::report {

/// Where lines that come and go are written. Replace the members to write elsewhere.
struct Console {
  std::function<void(std::string_view)> write;
  std::function<std::size_t()> columns;  ///< asked for every line: windows are resized
  bool terminal = false;                 ///< understands '\r' and "erase to the end of the line"
  bool unicode = false;                  ///< shows more than ASCII

  /// Standard error, as it is: a terminal or not (TERM=dumb is none), UTF-8 by the locale's variables.
  static Console standard_error();

 private:
  static std::string_view variable(const char* name);

  static std::size_t window_columns(int descriptor);

  /// The first that is set counts, as POSIX has it.
  static bool utf8_locale();
};

}  // namespace peft::report

#ifndef PEFT_SEPARATE
#include <peft/report/console.ipp>
#endif
