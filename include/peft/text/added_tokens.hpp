// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/text/model/trie.hpp>
#include <peft/text/model/vocabulary.hpp>
#include <peft/text/unicode/characters.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace peft {

/// A token that is matched in the raw text, before the model splits the rest into pieces.
struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool special = false;      // [CLS] and its like
  bool single_word = false;  // not inside a word
  bool lstrip = false;       // takes the spaces on its left along
  bool rstrip = false;       // and on its right
  bool normalized = true;    // looked for in normalised text; otherwise in the text as it came
};

/// Tokens in the order in which they were added, found by content or id: a model of speech adds 65,536.
class AddedTokens {
 public:
  AddedTokens() = default;
  AddedTokens(std::vector<AddedToken> given) {
    for (AddedToken& token : given) set(std::move(token));
  }

  /// Adds a token, or replaces the one of the same content.
  void set(AddedToken token) {
    const auto [found, fresh] = by_content_.try_emplace(token.content, all_.size());
    last_ = std::max(last_, token.id);
    by_id_.try_emplace(token.id, found->second);
    if (fresh)
      all_.push_back(std::move(token));
    else
      all_[found->second] = std::move(token);
  }

  const AddedToken* find(std::string_view content) const {
    const auto found = by_content_.find(std::string(content));
    return found == by_content_.end() ? nullptr : &all_[found->second];
  }
  /// The first token that was added with this id.
  const AddedToken* find(std::int32_t id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &all_[found->second];
  }

  std::int32_t last() const { return last_; }  ///< the largest id; -1 without any
  auto begin() const { return all_.begin(); }
  auto end() const { return all_.end(); }

 private:
  std::vector<AddedToken> all_;
  std::unordered_map<std::string, std::size_t> by_content_;
  std::unordered_map<std::int32_t, std::size_t> by_id_;
  std::int32_t last_ = -1;
};

/// Finds tokens in a text: leftmost, longest, without overlaps.
class AddedTokenFinder {
 public:
  static constexpr std::size_t longest_content = 1024;  // bytes: each may be looked through at every place of a text

  /// `content` is what to look for, which for a normalised token is not its own content; "" is never found. Of those
  /// that look for the same the first counts. Throws Error for one that is too long.
  void add(AddedToken token, std::string_view content) {
    require(content.size() <= longest_content, "the added token \"", content.substr(0, 40), "...\" has ",
            content.size(), " bytes, at most ", longest_content, " were expected");
    if (content.empty() || contents_.find(content) != Vocabulary::none) return;
    begins_[static_cast<unsigned char>(content.front())] = true;
    contents_.set(content, static_cast<std::int64_t>(entries_.size()));
    entries_.push_back({content.size(), std::move(token)});
  }

  /// Call after the last `add`.
  void finish() { trie_.emplace(contents_); }

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
      std::size_t start = at, end = at + found->size;
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
    std::size_t size;  // of what is looked for
    AddedToken token;
  };

  const Entry* longest(std::string_view text) const {
    const Entry* found = nullptr;
    trie_->for_each_prefix(
        text, [&](std::size_t, std::int32_t number) { found = &entries_[static_cast<std::size_t>(number)]; });
    return found;
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

  Vocabulary contents_;  // what is looked for, numbered
  std::vector<Entry> entries_;
  std::optional<Trie> trie_;
  std::array<bool, 256> begins_{};
};

}  // namespace peft
