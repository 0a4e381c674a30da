// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <new>
#include <string>

#include <peft/core/error.hpp>

namespace peft {

/// Memory that could not be had, and what for: a bad_alloc, as of memory that C++ itself cannot give.
class OutOfMemory : public std::bad_alloc {
 public:
  OutOfMemory(const std::string& what, std::size_t bytes)
      : text_(cat("no ", bytes, " bytes could be had for ", what)) {}
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

}  // namespace peft
