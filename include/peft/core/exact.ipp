// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <charconv>

#include <peft/core/exact.hpp>
#include <peft/core/inline.hpp>

namespace peft {

PEFT_INLINE std::string exact(double value) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace peft
