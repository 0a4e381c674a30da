// SPDX-License-Identifier: Apache-2.0
#pragma once
#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL  // no library to link
#endif
#include <xxhash.h>

#include <cstdio>

#include <peft/io/hash.hpp>

namespace peft {

struct Hash::State {
  XXH3_state_t xxh;
};

PEFT_INLINE void Hash::Free::operator()(State* state) const { delete state; }

PEFT_INLINE Hash::Hash() : state_(new State) { XXH3_64bits_reset(&state_->xxh); }

PEFT_INLINE Hash& Hash::add(std::span<const std::byte> bytes) {
  XXH3_64bits_update(&state_->xxh, bytes.data(), bytes.size());
  return *this;
}

PEFT_INLINE Hash& Hash::add(std::string_view text) {
  add(static_cast<std::uint64_t>(text.size()));
  return add(std::as_bytes(std::span(text.data(), text.size())));
}

// Byte by byte from the least on, so that the hash is the same on every machine.
PEFT_INLINE Hash& Hash::add(std::uint64_t number) {
  std::byte bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(number >> (8 * i));
  return add(std::span<const std::byte>(bytes));
}

PEFT_INLINE std::uint64_t Hash::value() const { return XXH3_64bits_digest(&state_->xxh); }

PEFT_INLINE std::string hash_text(std::uint64_t value) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(value));
  return digits;
}

}  // namespace peft
