// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace peft {

/// The pairs of tokens that byte-pair encoding joins: how early each is joined, and to what.
class Merges {
 public:
  static constexpr std::uint32_t never = std::numeric_limits<std::uint32_t>::max();
  struct Result {
    std::uint32_t rank = never;  // the lowest is joined first
    std::int32_t id = -1;
  };

  explicit Merges(std::size_t count) {
    std::size_t slots = 16;
    while (slots < 2 * count) slots *= 2;
    slots_.resize(slots);
  }

  /// Once per pair counted in the constructor; a pair that comes twice has its last rank.
  void set(std::int32_t left, std::int32_t right, Result result) {
    slots_[slot_of(key(left, right))] = {key(left, right), result};
  }

  Result find(std::int32_t left, std::int32_t right) const { return slots_[slot_of(key(left, right))].result; }

 private:
  struct Slot {
    std::uint64_t key = free;
    Result result;
  };
  static constexpr std::uint64_t free = ~std::uint64_t{0};  // ids are not negative

  static std::uint64_t key(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  }
  std::size_t slot_of(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t slot = (key * 0x9E3779B97F4A7C15u >> 32) & mask;; slot = (slot + 1) & mask)
      if (slots_[slot].key == key || slots_[slot].key == free) return slot;
  }

  std::vector<Slot> slots_;
};

}  // namespace peft
