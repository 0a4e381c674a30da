// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <peft/text/model/vocabulary.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// Finds all tokens that are prefixes of a text, in as many steps as the longest has bytes.
class Trie {
 public:
  explicit Trie(const Vocabulary& vocabulary) {
    struct Draft {
      std::uint32_t child = 0, sibling = 0;  // 0: none
      std::int32_t id = Vocabulary::none;
      char label = 0;
    };
    std::vector<Draft> drafts(1);
    vocabulary.for_each([&](std::string_view token, std::int32_t id) {
      std::uint32_t node = 0;
      for (const char label : token) {
        std::uint32_t child = drafts[node].child;
        while (child != 0 && drafts[child].label != label) child = drafts[child].sibling;
        if (child == 0) {
          child = static_cast<std::uint32_t>(drafts.size());
          drafts.push_back({0, drafts[node].child, Vocabulary::none, label});
          drafts[node].child = child;
        }
        node = child;
      }
      drafts[node].id = id;  // the last one of a token
    });
    std::vector<std::uint32_t> order{0};  // children of a node in a row
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Draft& draft = drafts[order[i]];
      labels_ += draft.label;
      nodes_.push_back({static_cast<std::uint32_t>(order.size()), 0, draft.id});
      for (std::uint32_t child = draft.child; child != 0; child = drafts[child].sibling) order.push_back(child);
      nodes_[i].count = static_cast<std::uint32_t>(order.size()) - nodes_[i].first;
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
  struct Node {
    std::uint32_t first = 0, count = 0;  // its children, one after the other
    std::int32_t id = Vocabulary::none;
  };

  std::vector<Node> nodes_;
  std::string labels_;  // the byte that leads to each node
};

}  // namespace peft
