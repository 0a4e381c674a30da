// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <charconv>
#include <string>

namespace peft {

/// A double as the shortest text that reads back to the same bits.
inline std::string exact(double value) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace peft
