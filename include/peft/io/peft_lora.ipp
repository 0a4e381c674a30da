// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/peft_lora.hpp>

namespace peft {

PEFT_INLINE bool ends_in_name(const std::string& path, const std::string& target) {
  return path == target ||
         (path.size() > target.size() && path.ends_with(target) && path[path.size() - target.size() - 1] == '.');
}

}  // namespace peft
