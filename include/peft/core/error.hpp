// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace peft {

/// Everything the library refuses: the message says what, where, and what was expected.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The arguments, written one after the other. Kept out of line: messages are many and never in a hurry.
template <class... A>
[[gnu::cold, gnu::noinline]] std::string cat(const A&... a) {
  std::ostringstream out;
  (out << ... << a);
  return out.str();
}

template <class... A>
[[noreturn, gnu::cold, gnu::noinline]] void fail(const A&... a) {
  throw Error(cat(a...));
}

template <class... A>
void require(bool ok, const A&... a) {
  if (!ok) [[unlikely]] fail(a...);
}

}  // namespace peft
