// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <string_view>

#include <peft/report/memory_plan.hpp>
#include <peft/text/unicode/utf8.hpp>

#include "front/process.hpp"

/// One line of text, whatever bytes of a damaged file a message quotes, and however many.
inline std::string printable(std::string_view message) {
  constexpr std::size_t longest = 8192, shown = longest / 2;
  std::string text =
      peft::utf8::repaired(message.size() > longest ? std::string(message.substr(0, shown)) + " [...] " +
                                                          std::string(message.substr(message.size() - shown))
                                                    : std::string(message));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = ' ';
  return text;
}

/// What went wrong, in a line.
inline std::string message_of(const std::exception& e) {
  const bool memory = dynamic_cast<const std::bad_alloc*>(&e) != nullptr;
  return printable(memory ? peft::report::MemoryPlan().out_of_memory(e.what()) : e.what());
}

/// What a main function does, with one line on standard error and the status 1 for everything thrown.
int guarded(const auto& body) {
  int status = 1;
  try {
    begin_process();
    status = body();
  } catch (const std::exception& e) {
    try {
      std::cerr << "error: " << message_of(e) << "\n";
    } catch (const std::bad_alloc&) {
      std::cerr << "error: out of memory\n";  // there is none for more words
    }
  }
  return end_process(status);
}
