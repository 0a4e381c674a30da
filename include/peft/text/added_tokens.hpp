// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <peft/text/unicode/characters.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

/// A token that is looked for in the text itself, before the model cuts what is left into pieces.
struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool special = false;      // [CLS] and its like
  bool single_word = false;  // not inside a word
  bool lstrip = false;       // takes the spaces on its left along
  bool rstrip = false;       // and on its right
  bool normalized = true;    // looked for in normalised text; otherwise in the text as it came
};

/// Finds tokens in a text: at the leftmost place the longest one, without overlaps.
class AddedTokenFinder {
 public:
  /// `content` is what to look for, which for a normalised token is not its own content; "" is never found.
  void add(AddedToken token, std::string content) {
    if (content.empty()) return;
    begins_[static_cast<unsigned char>(content.front())] = true;
    auto place = entries_.begin();
    while (place != entries_.end() && place->content.size() >= content.size()) ++place;
    entries_.insert(place, {std::move(content), std::move(token)});
  }

  /// Calls `text(std::string_view)` for the stretches between tokens, `token(id)` for the tokens, in order.
  template <class Text, class Token>
  void split(std::string_view all, Text&& text, Token&& token) const {
    std::size_t done = 0;
    for (std::size_t at = 0; at < all.size();) {
      const Entry* found = begins_[static_cast<unsigned char>(all[at])] ? longest(all.substr(at)) : nullptr;
      if (found == nullptr) {
        ++at;
        continue;
      }
      std::size_t start = at, end = at + found->content.size();
      at = end;
      if (found->token.single_word && touches_word(all, start, end)) continue;
      if (found->token.lstrip)
        while (start > done && characters::is_space(utf8::last_before(all, start)))
          start = character_before(all, start);
      if (found->token.rstrip) end = after_spaces(all, end);
      if (done < start) text(all.substr(done, start - done));
      token(found->token.id);
      done = std::max(done, end);
    }
    if (done < all.size()) text(all.substr(done));
  }

 private:
  struct Entry {
    std::string content;
    AddedToken token;
  };

  const Entry* longest(std::string_view text) const {
    for (const Entry& entry : entries_)
      if (text.starts_with(entry.content)) return &entry;
    return nullptr;
  }

  static bool touches_word(std::string_view all, std::size_t start, std::size_t end) {
    if (start > 0 && characters::is_word(utf8::last_before(all, start))) return true;
    return end < all.size() && characters::is_word(utf8::next(all, end));
  }

  static std::size_t character_before(std::string_view all, std::size_t end) {
    do --end;
    while (end > 0 && (static_cast<unsigned char>(all[end]) & 0xC0) == 0x80);
    return end;
  }

  static std::size_t after_spaces(std::string_view all, std::size_t end) {
    for (std::size_t at = end; at < all.size(); end = at)
      if (!characters::is_space(utf8::next(all, at))) break;
    return end;
  }

  std::vector<Entry> entries_;  // the longest first
  std::array<bool, 256> begins_{};
};

}  // namespace peft
