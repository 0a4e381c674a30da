// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/text/model/byte_tokens.hpp>
#include <peft/text/model/trie.hpp>
#include <peft/text/model/vocabulary.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

/// Splits a word so that the sum of its tokens' scores is largest (Kudo 2018); an unknown character scores the lowest
/// score minus 10, and consecutive unknown characters are one token.
class Unigram {
 public:
  /// `scores[id]` are logarithms of probabilities. Without `unk` a text with unknown characters cannot be encoded.
  Unigram(Vocabulary vocabulary, std::vector<double> scores, std::optional<std::int32_t> unk, bool byte_fallback)
      : vocabulary_(std::move(vocabulary)),
        trie_(vocabulary_),
        bytes_(vocabulary_),
        scores_(std::move(scores)),
        unk_(unk.value_or(Vocabulary::none)),
        byte_fallback_(byte_fallback) {
    vocabulary_.require_short();
    require(!unk || (*unk >= 0 && static_cast<std::size_t>(*unk) < scores_.size()), "the unknown token's id ",
            unk.value_or(0), " is none of the ", scores_.size(), " tokens");
    unk_score_ = std::numeric_limits<double>::infinity();
    for (const double score : scores_) unk_score_ = std::min(unk_score_, score);
    unk_score_ -= 10;
  }

  /// Appends the ids of one word of well-formed UTF-8. Throws Error for unknown characters when there is no token for
  /// them.
  void encode(std::string_view word, std::vector<std::int32_t>& ids) const {
    std::array<Node, 160> on_stack;
    std::vector<Node> on_heap(word.size() < on_stack.size() ? 0 : word.size() + 1);
    Node* const best = on_heap.empty() ? on_stack.data() : on_heap.data();  // path to every place in the word
    std::fill(best, best + word.size() + 1, Node{});
    for (std::size_t at = 0; at < word.size();) {
      const double before = best[at].score;
      std::size_t after = at;
      utf8::next(word, after);
      bool known = false;
      const auto reach = [&](std::size_t end, std::int32_t id, double score) {
        if (best[end].begin != nowhere && !(score > best[end].score)) return;
        best[end] = {score, at, id};
      };
      trie_.for_each_prefix(word.substr(at), [&](std::size_t length, std::int32_t id) {
        reach(at + length, id, scores_[static_cast<std::size_t>(id)] + before);
        known = known || at + length == after;
      });
      if (!known) {
        require(unk_ != Vocabulary::none, "no token for \"", word.substr(at, after - at),
                "\", and the tokenizer has no unknown token");
        reach(after, unk_, unk_score_ + before);
      }
      at = after;
    }
    collect(word, best, ids);
  }

  std::int32_t unk() const { return unk_; }
  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  static constexpr std::size_t nowhere = ~std::size_t{0};
  struct Node {
    double score = 0;
    std::size_t begin = nowhere;  // of the last token
    std::int32_t id = 0;
  };

  // The path from the end; its unknown stretches, bytes of which come in reading order, are looked up once more.
  void collect(std::string_view word, const Node* best, std::vector<std::int32_t>& ids) const {
    const std::size_t first = ids.size();
    std::vector<std::int32_t> bytes;
    for (std::size_t end = word.size(); end > 0;) {
      std::size_t begin = best[end].begin;
      if (best[end].id != unk_) {
        ids.push_back(best[end].id);
      } else {
        while (begin > 0 && best[begin].id == unk_) begin = best[begin].begin;
        const std::string_view unknown = word.substr(begin, end - begin);
        bytes.clear();
        if (const auto id = vocabulary_.find(unknown); id != Vocabulary::none)
          ids.push_back(id);
        else if (byte_fallback_ && bytes_.append(unknown, bytes))
          ids.insert(ids.end(), bytes.rbegin(), bytes.rend());
        else
          ids.push_back(unk_);
      }
      end = begin;
    }
    std::reverse(ids.begin() + static_cast<std::ptrdiff_t>(first), ids.end());
  }

  Vocabulary vocabulary_;
  Trie trie_;
  ByteTokens bytes_;
  std::vector<double> scores_;
  std::int32_t unk_;
  double unk_score_;
  bool byte_fallback_;
};

}  // namespace peft
