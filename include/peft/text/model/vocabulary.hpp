// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <peft/core/error.hpp>
#include <string>
#include <string_view>
#include <unordered_map>

namespace peft {

/// Tokens and their ids.
class Vocabulary {
 public:
  static constexpr std::int32_t none = -1;

  /// A token that is there already gets the new id, as when a dictionary is filled from a file.
  void set(std::string_view token, std::int64_t id) {
    require(id >= 0 && id < std::numeric_limits<std::int32_t>::max(), "token \"", token, "\": the id ", id,
            " is not between 0 and 2^31 - 2");
    ids_.insert_or_assign(std::string(token), static_cast<std::int32_t>(id));
    rows_ = std::max(rows_, static_cast<std::size_t>(id) + 1);
    longest_ = std::max(longest_, token.size());
  }

  /// The id of a token, or `none`.
  std::int32_t find(std::string_view token) const {
    const auto found = ids_.find(token);
    return found == ids_.end() ? none : found->second;
  }

  std::size_t size() const { return ids_.size(); }  ///< tokens
  std::size_t rows() const { return rows_; }        ///< the largest id plus 1: rows that an embedding needs
  std::size_t longest() const { return longest_; }  ///< bytes of the longest token
  auto begin() const { return ids_.begin(); }
  auto end() const { return ids_.end(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> ids_;
  std::size_t rows_ = 0, longest_ = 0;
};

}  // namespace peft
