// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <peft/core/error.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// Tokens and their ids, found by either.
class Vocabulary {
 public:
  static constexpr std::int32_t none = -1;

  /// A token that is there already gets the new id, as when a dictionary is filled from a file; the old one still
  /// stands for it. Throws Error when the id is out of range or another token has it.
  void set(std::string_view token, std::int64_t id) {
    require(id >= 0 && id < std::numeric_limits<std::int32_t>::max(), "token \"", token, "\": the id ", id,
            " is not between 0 and 2^31 - 2");
    if (2 * (entries_.size() + 1) > by_token_.size()) grow();
    const auto number = static_cast<std::int32_t>(id);
    std::uint32_t& other = by_id_[slot_of(number)];
    require(other == 0 || this->token(entries_[other - 1]) == token, "the tokens \"",
            other == 0 ? std::string_view() : this->token(entries_[other - 1]), "\" and \"", token,
            "\" have the same id, ", id);
    std::uint32_t& slot = by_token_[slot_of(token, hash(token))];
    if (other != 0) {
      slot = other;
      return;
    }
    const std::size_t begin = slot == 0 ? text_.size() : entries_[slot - 1].begin;
    require(begin + token.size() <= std::numeric_limits<std::uint32_t>::max(), "more than 4 GiB of tokens");
    if (slot == 0) text_ += token;
    entries_.push_back(
        {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(token.size()), hash(token), number});
    slot = other = static_cast<std::uint32_t>(entries_.size());
    rows_ = std::max(rows_, static_cast<std::size_t>(id) + 1);
    longest_ = std::max(longest_, token.size());
  }

  /// The id of a token, or `none`.
  std::int32_t find(std::string_view token) const {
    if (entries_.empty()) return none;
    const std::uint32_t entry = by_token_[slot_of(token, hash(token))];
    return entry == 0 ? none : entries_[entry - 1].id;
  }

  /// The token with an id; nothing when there is none.
  std::optional<std::string_view> token(std::int32_t id) const {
    if (entries_.empty()) return std::nullopt;
    const std::uint32_t entry = by_id_[slot_of(id)];
    if (entry == 0) return std::nullopt;
    return token(entries_[entry - 1]);
  }

  std::size_t size() const { return entries_.size(); }  ///< ids that stand for a token
  std::size_t rows() const { return rows_; }            ///< the largest id plus 1: rows that an embedding needs
  std::size_t longest() const { return longest_; }      ///< bytes of the longest token

  /// Throws Error for tokens so long that looking for them at every place of a text takes too long; of real ones the
  /// longest is a line of 128 spaces.
  void require_short() const {
    constexpr std::size_t most = 1024;
    require(longest_ <= most, "a token of ", longest_, " bytes, at most ", most,
            " were expected of a model that looks for them at every place of a text");
  }

  /// Calls `use(token, id)` for every token, in the order they came.
  template <class F>
  void for_each(F&& use) const {
    for (const Entry& entry : entries_) use(token(entry), entry.id);
  }

 private:
  struct Entry {
    std::uint32_t begin, size, hash;  // in text_
    std::int32_t id;
  };

  static std::uint32_t hash(std::string_view token) {
    return static_cast<std::uint32_t>(std::hash<std::string_view>{}(token));
  }
  std::string_view token(const Entry& entry) const { return {text_.data() + entry.begin, entry.size}; }

  // Both tables hold the number of an entry plus 1, or 0, at the first free slot from where its hash says.
  std::size_t slot_of(std::string_view token, std::uint32_t hash) const {
    for (std::size_t slot = hash & mask_;; slot = (slot + 1) & mask_) {
      if (by_token_[slot] == 0) return slot;
      const Entry& entry = entries_[by_token_[slot] - 1];
      if (entry.hash == hash && this->token(entry) == token) return slot;
    }
  }
  std::size_t slot_of(std::int32_t id) const {
    for (std::size_t slot = static_cast<std::uint32_t>(id) * 0x9E3779B1u >> 7 & mask_;; slot = (slot + 1) & mask_)
      if (by_id_[slot] == 0 || entries_[by_id_[slot] - 1].id == id) return slot;
  }

  void grow() {
    const std::size_t slots = std::max<std::size_t>(64, 4 * by_token_.size());
    mask_ = slots - 1;
    by_token_.assign(slots, 0);
    by_id_.assign(slots, 0);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const auto number = static_cast<std::uint32_t>(i + 1);
      by_token_[slot_of(token(entries_[i]), entries_[i].hash)] = number;
      by_id_[slot_of(entries_[i].id)] = number;
    }
  }

  std::string text_;  // of all tokens, one after the other
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> by_token_, by_id_;
  std::size_t mask_ = 0, rows_ = 0, longest_ = 0;
};

}  // namespace peft
