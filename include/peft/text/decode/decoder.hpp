// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <peft/text/decode/steps.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace peft {

/// From tokens to text. Another kind of step joins the variant.
struct Decoder {
  using Step = std::variant<FuseTokens, ByteLevelDecoder, ByteFallbackDecoder, MetaspaceDecoder, WordPieceDecoder,
                            ReplaceDecoder, StripDecoder, BpeDecoder, UnreadDecoder>;
  std::vector<Step> steps;
  std::string between = " ";  // tokens, once all steps are done

  std::string operator()(Tokens tokens) const {
    for (const Step& step : steps) std::visit([&](const auto& decode) { decode(tokens); }, step);
    std::string out;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) out += between;
      out += tokens[i];
    }
    return out;
  }
};

}  // namespace peft
