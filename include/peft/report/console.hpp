// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
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
  static Console standard_error() {
    return {.write =
                [](std::string_view text) {
                  std::fwrite(text.data(), 1, text.size(), stderr);
                  std::fflush(stderr);
                },
            .columns = [] { return window_columns(STDERR_FILENO); },
            .terminal = isatty(STDERR_FILENO) == 1 && variable("TERM") != "dumb",
            .unicode = utf8_locale()};
  }

 private:
  static std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  }

  static std::size_t window_columns(int descriptor) {
    winsize window{};
    return ioctl(descriptor, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 ? window.ws_col : 80;
  }

  /// The first that is set counts, as POSIX has it.
  static bool utf8_locale() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
      const std::string_view value = variable(name);
      const auto has = [&](const char* text) { return value.find(text) != value.npos; };
      if (!value.empty()) return has("UTF-8") || has("UTF8") || has("utf8") || has("utf-8");
    }
    return false;
  }
};

}  // namespace peft::report
