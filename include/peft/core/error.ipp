// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sstream>

#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>

namespace peft {

PEFT_INLINE std::string joined(std::initializer_list<Printable> parts) {
  std::ostringstream out;
  for (const Printable& part : parts) part.print(out);
  return out.str();
}

}  // namespace peft
