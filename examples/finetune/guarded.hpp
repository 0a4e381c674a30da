// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <string_view>

#include <peft/text/unicode/utf8.hpp>

#include "front/process.hpp"

/// One line of text, whatever bytes of a damaged file a message quotes, and however many.
inline std::string printable(std::string_view message) {
  constexpr std::size_t longest = 8192, shown = longest / 2;
  std::string text = peft::utf8::repaired(message.size() > longest ? std::string(message.substr(0, shown)) + " [...] " + std::string(message.substr(message.size() - shown))
                                                                   : std::string(message));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = ' ';
  return text;
}

/// What a main function does, with one line on standard error and the status 1 for everything thrown.
int guarded(const auto& body) {
  int status = 1;
  try {
    begin_process();
    status = body();
  } catch (const std::bad_alloc&) {
    std::cerr << "error: out of memory; try a smaller --batch or --max-length\n";
  } catch (const std::exception& e) {
    std::cerr << "error: " << printable(e.what()) << "\n";
  }
  return end_process(status);
}
