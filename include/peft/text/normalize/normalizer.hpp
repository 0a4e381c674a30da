// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/text/growth.hpp>
#include <peft/text/normalize/bert.hpp>
#include <peft/text/normalize/precompiled.hpp>
#include <peft/text/normalize/replace.hpp>
#include <peft/text/normalize/small.hpp>
#include <peft/text/normalize/unicode_form.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace peft {

/// Steps from a text to its normal form. Another kind of step joins the variant. Throws Error for a text that grows
/// beyond bounds.
struct Normalizer {
  using Step = std::variant<BertNormalizer, UnicodeForm, Lowercase, Strip, StripAccents, Replace, Prepend, NmtCleaning,
                            ByteCharacters, Precompiled>;
  std::vector<Step> steps;

  std::string operator()(std::string_view text) const {
    if (steps.empty()) return std::string(text);
    const Growth growth("the tokenizer's normalizer", text.size());
    std::string out;
    for (const Step& step : steps) {
      if (const auto* replace = std::get_if<Replace>(&step))
        out = (*replace)(text, &growth);
      else
        out = std::visit([&](const auto& normalize) { return normalize(text); }, step);
      growth.check(out.size());
      text = out;
    }
    return out;
  }
};

}  // namespace peft
