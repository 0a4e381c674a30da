// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/text/model/byte_tokens.hpp>
#include <peft/text/model/merges.hpp>
#include <peft/text/model/vocabulary.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

struct BpeOptions {
  std::optional<std::string> unk_token{};  // without one, a character that is no token is dropped
  std::string continuing_prefix{};         // before every character of a word but the first
  std::string end_suffix{};                // after its last
  bool fuse_unk = false;                   // unknown characters in a row are one token
  bool byte_fallback = false;              // an unknown character becomes its bytes, where all are tokens
  bool ignore_merges = false;              // a word that is a token stays whole
};

/// Byte-pair encoding: of a word's characters the pair of lowest rank is merged, leftmost first, until none is left
/// (Sennrich et al. 2016).
class Bpe {
 public:
  /// Throws Error when there is no token of the unknown token's name.
  Bpe(Vocabulary vocabulary, std::size_t merges, BpeOptions options)
      : vocabulary_(std::move(vocabulary)), merges_(merges), bytes_(vocabulary_), options_(std::move(options)) {
    if (options_.unk_token) {
      unk_ = vocabulary_.find(*options_.unk_token);
      require(unk_ != Vocabulary::none, "the unknown token \"", *options_.unk_token, "\" is not in the vocabulary");
    }
    std::string character;
    for (char32_t c = 0; c < first_.size(); ++c) {
      character.clear();
      utf8::append(character, c);
      first_[c] = vocabulary_.find(character);
    }
  }

  /// Adds merge `rank` of those announced to the constructor; the lowest is done first. Throws Error, naming it, when
  /// the tokens or their sum (without the second one's continuing prefix) are not in the vocabulary.
  void add_merge(std::uint32_t rank, const std::string& left, const std::string& right) {
    const auto id = [&](const std::string& token) {
      const std::int32_t found = vocabulary_.find(token);
      require(found != Vocabulary::none, "merge ", rank, " (\"", left, "\", \"", right, "\"): \"", token,
              "\" is not in the vocabulary");
      return found;
    };
    const std::int32_t first = id(left), second = id(right);
    const std::size_t prefix = std::min(options_.continuing_prefix.size(), right.size());
    merges_.set(first, second, {rank, id(left + right.substr(prefix))});
  }

  /// Appends the ids of one word of well-formed UTF-8.
  void encode(std::string_view word, std::vector<std::int32_t>& ids) const {
    if (options_.ignore_merges)
      if (const std::int32_t whole = vocabulary_.find(word); whole != Vocabulary::none) return ids.push_back(whole);
    const std::size_t begin = ids.size();
    characters(word, ids);
    const std::size_t count = ids.size() - begin;
    ids.resize(begin + (count <= few ? join_few(ids.data() + begin, count) : join_many(ids.data() + begin, count)));
  }

  std::int32_t unk() const { return unk_; }
  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  static constexpr std::size_t few = 48;

  void characters(std::string_view word, std::vector<std::int32_t>& ids) const {
    const bool marked = !options_.continuing_prefix.empty() || !options_.end_suffix.empty();
    bool unknown = false;  // one is still to be written: bytes of later characters go before it, as in the reference
    for (std::size_t at = 0; at < word.size();) {
      const std::size_t begin = at;
      const char32_t c = utf8::next(word, at);
      std::string_view token = word.substr(begin, at - begin);
      std::string with_marks;
      if (marked) {
        with_marks = (begin > 0 ? options_.continuing_prefix : std::string()) + std::string(token) +
                     (at == word.size() ? options_.end_suffix : std::string());
        token = with_marks;
      }
      const std::int32_t id = !marked && c < first_.size() ? first_[c] : vocabulary_.find(token);
      if (id != Vocabulary::none) {
        if (unknown) ids.push_back(unk_);
        unknown = false;
        ids.push_back(id);
        continue;
      }
      if (options_.byte_fallback && bytes_.append(token, ids)) continue;
      if (unk_ == Vocabulary::none) continue;
      if (unknown && !options_.fuse_unk) ids.push_back(unk_);
      unknown = true;
    }
    if (unknown) ids.push_back(unk_);
  }

  // Looks at all pairs for each that it joins. Returns how many tokens are left.
  std::size_t join_few(std::int32_t* ids, std::size_t count) const {
    std::array<std::uint32_t, few> ranks;  // of token i and the next
    const auto rank = [&](std::size_t i) { return merges_.find(ids[i], ids[i + 1]).rank; };
    for (std::size_t i = 0; i + 1 < count; ++i) ranks[i] = rank(i);
    while (count > 1) {
      const auto* const lowest = std::min_element(ranks.data(), ranks.data() + count - 1);
      if (*lowest == Merges::never) break;
      const auto at = static_cast<std::size_t>(lowest - ranks.data());
      ids[at] = merges_.find(ids[at], ids[at + 1]).id;
      --count;
      std::copy(ids + at + 2, ids + count + 1, ids + at + 1);
      std::copy(ranks.data() + at + 1, ranks.data() + count, ranks.data() + at);
      if (at + 1 < count) ranks[at] = rank(at);
      if (at > 0) ranks[at - 1] = rank(at - 1);
    }
    return count;
  }

  // Keeps the pairs in a heap, the tokens in a list: n log n for a word of n characters.
  std::size_t join_many(std::int32_t* ids, std::size_t count) const {
    constexpr std::uint32_t none = Merges::never;
    struct Link {
      std::uint32_t before, after;
    };
    std::vector<Link> links(count);
    std::vector<std::uint64_t> heap;  // rank and place of a pair's left token; stale where that has another pair since
    const auto push = [&](std::uint32_t at) {
      const auto rank = merges_.find(ids[at], ids[links[at].after]).rank;
      if (rank != Merges::never) heap.push_back(std::uint64_t{rank} << 32 | at);
      return rank != Merges::never;
    };
    for (std::uint32_t i = 0; i < count; ++i) links[i] = {i - 1, i + 1 < count ? i + 1 : none};
    for (std::uint32_t i = 0; i + 1 < count; ++i) push(i);
    std::make_heap(heap.begin(), heap.end(), std::greater<>());
    while (!heap.empty()) {
      std::pop_heap(heap.begin(), heap.end(), std::greater<>());
      const auto at = static_cast<std::uint32_t>(heap.back());
      const auto rank = static_cast<std::uint32_t>(heap.back() >> 32);
      heap.pop_back();
      const std::uint32_t after = links[at].after;
      if (ids[at] < 0 || after == none) continue;
      const auto joined = merges_.find(ids[at], ids[after]);
      if (joined.rank != rank) continue;
      ids[at] = joined.id;
      ids[after] = -1;
      links[at].after = links[after].after;
      if (links[at].after != none) {
        links[links[at].after].before = at;
        if (push(at)) std::push_heap(heap.begin(), heap.end(), std::greater<>());
      }
      if (at > 0 && push(links[at].before)) std::push_heap(heap.begin(), heap.end(), std::greater<>());
    }
    std::size_t left = 0;
    for (std::size_t i = 0; i < count; ++i)
      if (ids[i] >= 0) ids[left++] = ids[i];
    return left;
  }

  Vocabulary vocabulary_;
  Merges merges_;
  ByteTokens bytes_;
  BpeOptions options_;
  std::int32_t unk_ = Vocabulary::none;
  std::array<std::int32_t, 512> first_{};  // tokens of the first code points, the alphabet of bytes among them
};

}  // namespace peft
