// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/ioctl.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>

#include <peft/core/inline.hpp>
#include <peft/report/console.hpp>

namespace peft::report {

PEFT_INLINE Console Console::standard_error() {
  return {.write =
              [](std::string_view text) {
                std::fwrite(text.data(), 1, text.size(), stderr);
                std::fflush(stderr);
              },
          .columns = [] { return window_columns(STDERR_FILENO); },
          .terminal = isatty(STDERR_FILENO) == 1 && variable("TERM") != "dumb",
          .unicode = utf8_locale()};
}

PEFT_INLINE std::string_view Console::variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

PEFT_INLINE std::size_t Console::window_columns(int descriptor) {
  winsize window{};
  return ioctl(descriptor, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 ? window.ws_col : 80;
}

PEFT_INLINE bool Console::utf8_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = variable(name);
    const auto has = [&](const char* text) { return value.find(text) != value.npos; };
    if (!value.empty()) return has("UTF-8") || has("UTF8") || has("utf8") || has("utf-8");
  }
  return false;
}

}  // namespace peft::report
