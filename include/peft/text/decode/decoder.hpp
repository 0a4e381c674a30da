// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <numeric>
#include <peft/text/decode/steps.hpp>
#include <peft/text/growth.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace peft {

/// From tokens to text. Another kind of step joins the variant. Throws Error for a text that grows beyond bounds.
struct Decoder {
  using Step = std::variant<FuseTokens, ByteLevelDecoder, ByteFallbackDecoder, MetaspaceDecoder, WordPieceDecoder,
                            ReplaceDecoder, StripDecoder, BpeDecoder, UnreadDecoder>;
  std::vector<Step> steps;
  std::string between = " ";  // tokens, once all steps are done

  std::string operator()(Tokens tokens) const {
    const auto size = [&] {
      return std::accumulate(tokens.begin(), tokens.end(), std::size_t{0},
                             [](std::size_t n, const std::string& token) { return n + token.size(); });
    };
    const Growth growth("the tokenizer's decoder", size());
    for (const Step& step : steps) {
      if (const auto* replaced = std::get_if<ReplaceDecoder>(&step))
        (*replaced)(tokens, &growth);
      else
        std::visit([&](const auto& decode) { decode(tokens); }, step);
      growth.check(size());
    }
    std::string out;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) out += between;
      out += tokens[i];
    }
    return out;
  }
};

}  // namespace peft
