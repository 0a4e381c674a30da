// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// SentencePiece's compiled replacements: a double-array trie of what is replaced (Yata et al., darts-clone), and the
/// replacements, each ended by a zero byte.
class Charsmap {
 public:
  /// From its bytes: the size of the trie (little-endian, 32 bits), the trie, the replacements. Throws Error, naming
  /// `where`, for sizes that do not fit, a trie that points outside, and replacements that are not UTF-8.
  Charsmap(std::string_view bytes, std::string_view where) {
    const auto number = [&](std::size_t at) {
      std::uint32_t value = 0;
      for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
      return value;
    };
    require(bytes.size() >= 8, where, ": ", bytes.size(), " bytes, expected a trie and its size");
    const std::size_t size = number(0);
    require(size >= 4 && size % 4 == 0 && size <= bytes.size() - 4, where, ": a trie of ", size,
            " bytes, but the map has ", bytes.size());
    units_.resize(size / 4);
    for (std::size_t i = 0; i < units_.size(); ++i) units_[i] = number(4 + 4 * i);
    texts_ = bytes.substr(4 + size);
    require(utf8::repaired(texts_) == texts_, where, ": the replacements are not UTF-8");
    check(where);
  }

  /// The replacement for the shortest beginning of `text` that has one.
  std::optional<std::string_view> find(std::string_view text) const {
    std::size_t node = children(0);
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte == 0) break;
      node ^= byte;
      if (node >= units_.size() || (units_[node] & (leaf | 0xFF)) != byte) break;
      const bool ends = (units_[node] >> 8 & 1) != 0;
      node = children(node);
      if (!ends) continue;
      const std::string_view text_there = std::string_view(texts_).substr(units_[node] & ~leaf);
      return text_there.substr(0, text_there.find('\0'));
    }
    return std::nullopt;
  }

 private:
  static constexpr std::uint32_t leaf = 1u << 31;

  std::size_t children(std::size_t node) const {
    const std::uint32_t unit = units_[node];
    return node ^ std::size_t{unit >> 10} << ((unit & 1u << 9) >> 6);
  }

  // The units that `find` may read as the end of a key must lead to a replacement.
  void check(std::string_view where) const {
    for (std::size_t i = 0; i < units_.size(); ++i) {
      if ((units_[i] & leaf) != 0 || (units_[i] >> 8 & 1) == 0) continue;
      const std::size_t end = children(i);
      require(end < units_.size(), where, ": unit ", i, " of the trie points outside its ", units_.size(), " units");
      const std::size_t begin = units_[end] & ~leaf;
      require(begin <= texts_.size() &&
                  (begin == texts_.size() || (static_cast<unsigned char>(texts_[begin]) & 0xC0) != 0x80),
              where, ": unit ", end, " of the trie points at byte ", begin, " of ", texts_.size(),
              " bytes of replacements");
    }
  }

  std::vector<std::uint32_t> units_;
  std::string texts_;
};

}  // namespace peft
