// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "peft/core/error.hpp"

namespace peft::metric {

/// A run of words with one type: [begin, end).
struct Entity {
  std::size_t begin = 0, end = 0;
  std::string type;
  friend bool operator==(const Entity&, const Entity&) = default;
  friend bool operator<(const Entity& a, const Entity& b) {
    return std::tie(a.begin, a.end, a.type) < std::tie(b.begin, b.end, b.type);
  }
};

/// The parts of a tag: 'B', 'I' or 'O', and the type ("" for O and for a bare "B" or "I").
/// Throws Error for a tag of another form.
inline std::pair<char, std::string_view> tag_parts(std::string_view tag) {
  const bool known =
      tag == "O" || tag == "B" || tag == "I" || (tag.size() > 2 && (tag.starts_with("B-") || tag.starts_with("I-")));
  require(known, "the tag \"", tag.substr(0, 40), "\" is neither O nor B-TYPE nor I-TYPE");
  return {tag[0], tag.size() > 2 ? tag.substr(2) : std::string_view()};
}

/// The entities of one sentence as conlleval reads them (Tjong Kim Sang and Buchholz, 2000): one begins at every B, and
/// at an I that does not continue an entity of its type. That is right for IOB1 and for IOB2, and forgives predictions
/// that are neither.
inline std::vector<Entity> entities(std::span<const std::string> tags) {
  std::vector<Entity> found;
  bool open = false;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const auto [mark, type] = tag_parts(tags[i]);
    const bool goes_on = open && mark == 'I' && found.back().type == type;
    if (goes_on) {
      ++found.back().end;
    } else {
      open = mark != 'O';
      if (open) found.push_back({i, i + 1, std::string(type)});
    }
  }
  return found;
}

/// Counts of entities over sentences, from which precision, recall and F1 come. An entity is right when its words and
/// its type are.
struct EntityCounts {
  std::size_t right = 0, predicted = 0, labelled = 0;
  std::size_t words = 0, words_right = 0;  // tags, O among them

  /// Adds a sentence. Throws Error unless there is one prediction per word.
  void add(std::span<const std::string> predictions, std::span<const std::string> targets) {
    require(predictions.size() == targets.size(), "entities: ", predictions.size(), " predicted tags for ",
            targets.size(), " words");
    const std::vector<Entity> p = entities(predictions), t = entities(targets);  // both in order
    for (const Entity& e : p) right += std::binary_search(t.begin(), t.end(), e);
    predicted += p.size();
    labelled += t.size();
    words += targets.size();
    for (std::size_t i = 0; i < targets.size(); ++i) words_right += predictions[i] == targets[i];
  }

  /// As fractions; 0 where there is nothing to divide by, as conlleval.
  double precision() const { return fraction(right, predicted); }
  double recall() const { return fraction(right, labelled); }
  double f1() const { return fraction(2 * right, predicted + labelled); }
  double accuracy() const { return fraction(words_right, words); }

 private:
  static double fraction(std::size_t part, std::size_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

}  // namespace peft::metric
