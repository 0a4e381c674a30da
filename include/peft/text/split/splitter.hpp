// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <peft/text/growth.hpp>
#include <peft/text/split/bert.hpp>
#include <peft/text/split/byte_level.hpp>
#include <peft/text/split/metaspace.hpp>
#include <peft/text/split/pattern.hpp>
#include <peft/text/split/pieces.hpp>
#include <variant>
#include <vector>

namespace peft {

/// From normalised text to the words that the model sees. Another kind of step joins the variant. Throws Error for a
/// text that grows beyond bounds.
struct Splitter {
  using Step = std::variant<BertSplit, PatternSplit, ByteLevelSplit, MetaspaceSplit>;
  std::vector<Step> steps;

  void operator()(Pieces& pieces) const {
    const Growth growth("the tokenizer's pre_tokenizer", pieces.text.size());
    for (const Step& step : steps) {
      std::visit([&](const auto& split) { split(pieces); }, step);
      growth.check(pieces.text.size());
    }
  }

  /// For words that are given one by one: a byte-level model takes each with the space before it, as it was trained.
  Splitter of_words() const {
    Splitter out = *this;
    if (auto* const bytes = out.steps.size() == 1 ? std::get_if<ByteLevelSplit>(&out.steps.front()) : nullptr)
      bytes->add_prefix_space = true;
    return out;
  }

  /// Whether a step asks where in the text a piece began (`Pieces::lead`).
  bool asks_for_lead() const {
    return std::any_of(steps.begin(), steps.end(), [](const Step& step) {
      const auto* metaspace = std::get_if<MetaspaceSplit>(&step);
      return metaspace != nullptr && metaspace->prepend == MetaspaceSplit::Prepend::First;
    });
  }
};

}  // namespace peft
