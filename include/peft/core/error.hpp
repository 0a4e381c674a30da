// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <initializer_list>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>

namespace peft {

/// What the library throws for an error; the message says what was found, where, and what was expected.
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

/// The parts, concatenated.
[[gnu::cold]] std::string joined(std::initializer_list<Printable> parts);

namespace messages {

template <std::size_t>
using Part = const Printable&;

// cat, fail and require of so many parts. Whatever these are, they are the same functions: a template over the parts'
// types would be instantiated for nearly every message, which was a tenth of a program's compile time.
template <class Parts>
struct Arity;
template <std::size_t... I>
struct Arity<std::index_sequence<I...>> {
  struct Cat {
    [[gnu::cold, gnu::noinline]] std::string operator()(Part<I>... part) const { return joined({part...}); }
  };
  struct Fail {
    [[noreturn, gnu::cold, gnu::noinline]] void operator()(Part<I>... part) const { throw Error(joined({part...})); }
  };
  struct Require {
    void operator()(bool ok, Part<I>... part) const {
      if (!ok) [[unlikely]]
        Fail{}(part...);
    }
  };
};

template <class... F>
struct Overloads : F... {
  using F::operator()...;
};

template <class Arities>
struct Functions;
template <std::size_t... N>
struct Functions<std::index_sequence<N...>> {
  using Cat = Overloads<typename Arity<std::make_index_sequence<N + 1>>::Cat...>;
  using Fail = Overloads<typename Arity<std::make_index_sequence<N + 1>>::Fail...>;
  using Require = Overloads<typename Arity<std::make_index_sequence<N + 1>>::Require...>;
};
using UpTo20 = Functions<std::make_index_sequence<20>>;

}  // namespace messages

/// cat(parts...): the parts as text, one after the other.
inline constexpr messages::UpTo20::Cat cat{};

/// fail(parts...) throws Error with the parts as its message.
inline constexpr messages::UpTo20::Fail fail{};

/// require(ok, parts...) does so unless ok.
inline constexpr messages::UpTo20::Require require{};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/core/error.ipp>
#endif
