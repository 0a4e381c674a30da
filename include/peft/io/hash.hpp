// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <peft/core/inline.hpp>

namespace peft {

/// A running hash of 64 bits (XXH3), as fast as memory is read. It tells apart what differs by accident or by mistake,
/// not by malice. Texts and numbers are added with their length, so that concatenations are
/// unambiguous.
class Hash {
 public:
  Hash();

  /// Bytes as they are: in one piece or in several, the hash is the same.
  Hash& add(std::span<const std::byte> bytes);
  Hash& add(std::string_view text);
  Hash& add(std::uint64_t number);

  /// The hash of everything added so far.
  std::uint64_t value() const;

 private:
  struct State;
  struct Free {
    void operator()(State* state) const;
  };
  std::unique_ptr<State, Free> state_;
};

/// 16 hexadecimal digits.
std::string hash_text(std::uint64_t value);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/hash.ipp>
#endif
