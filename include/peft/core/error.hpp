// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <initializer_list>
#include <sstream>
#include <stdexcept>
#include <string>

namespace peft {

/// Everything the library refuses: the message says what, where, and what was expected.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A part of a message, its type erased, because messages are many and each should cost the compiler little. Refers to
/// the value.
class Printable {
 public:
  Printable(const char* text)
      : value_(text), print_([](std::ostream& out, const void* value) { out << static_cast<const char*>(value); }) {}
  template <class T>
  Printable(const T& value)
      : value_(&value), print_([](std::ostream& out, const void* given) { out << *static_cast<const T*>(given); }) {}

  void print(std::ostream& out) const { print_(out, value_); }

 private:
  const void* value_;
  void (*print_)(std::ostream&, const void*);
};

/// The parts, written one after the other.
[[gnu::cold]] inline std::string joined(std::initializer_list<Printable> parts) {
  std::ostringstream out;
  for (const Printable& part : parts) part.print(out);
  return out.str();
}

[[noreturn, gnu::cold]] inline void fail_with(std::initializer_list<Printable> parts) { throw Error(joined(parts)); }

/// The arguments as text, one after the other.
template <class... A>
[[gnu::cold, gnu::noinline]] std::string cat(const A&... a) {
  return joined({a...});
}

/// Throws Error with the arguments as its message.
template <class... A>
[[noreturn, gnu::cold, gnu::noinline]] void fail(const A&... a) {
  fail_with({a...});
}

template <class... A>
void require(bool ok, const A&... a) {
  if (!ok) [[unlikely]] fail(a...);
}

}  // namespace peft
