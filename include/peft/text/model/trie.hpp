// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <peft/text/model/vocabulary.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

/// Finds all tokens that a text begins with.
class Trie {
 public:
  explicit Trie(const Vocabulary& vocabulary) {
    std::vector<std::pair<std::string_view, std::int32_t>> tokens;
    tokens.reserve(vocabulary.size());
    vocabulary.for_each([&](std::string_view token, std::int32_t id) { tokens.emplace_back(token, id); });
    std::sort(tokens.begin(), tokens.end());
    std::vector<Range> ranges{{0, tokens.size(), 0}};  // of the tokens below each node
    nodes_.push_back({});
    labels_.push_back(0);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      auto [at, end, depth] = ranges[i];
      while (at < end && tokens[at].first.size() == depth) nodes_[i].id = tokens[at++].second;  // the last id stands
      nodes_[i].first = static_cast<std::uint32_t>(nodes_.size());
      while (at < end) {
        const char label = tokens[at].first[depth];
        const std::size_t begin = at;
        while (at < end && tokens[at].first[depth] == label) ++at;
        ranges.push_back({begin, at, depth + 1});
        nodes_.push_back({});
        labels_.push_back(label);
      }
      nodes_[i].count = static_cast<std::uint32_t>(nodes_.size()) - nodes_[i].first;
    }
  }

  /// Calls `found(length, id)` for the tokens at the beginning of a text, the shortest first; the empty token is none.
  template <class F>
  void for_each_prefix(std::string_view text, F&& found) const {
    const Node* node = nodes_.data();
    for (std::size_t length = 0; length < text.size();) {
      const char* const labels = labels_.data() + node->first;
      const void* const label = std::memchr(labels, static_cast<unsigned char>(text[length]), node->count);
      if (label == nullptr) return;
      node = nodes_.data() + node->first + (static_cast<const char*>(label) - labels);
      ++length;
      if (node->id != Vocabulary::none) found(length, node->id);
    }
  }

 private:
  struct Range {
    std::size_t begin, end, depth;
  };
  struct Node {
    std::uint32_t first = 0, count = 0;  // its children, one after the other
    std::int32_t id = Vocabulary::none;
  };

  std::vector<Node> nodes_;
  std::string labels_;  // the byte that leads to each node
};

}  // namespace peft
