// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/text/added_tokens.hpp>
#include <peft/text/decode/decoder.hpp>
#include <peft/text/pipeline.hpp>
#include <peft/text/role_tokens.hpp>
#include <peft/text/sequence_template.hpp>
#include <vector>

namespace peft {

/// Everything a tokenizer is made of, as its files say.
struct TokenizerParts {
  Pipeline pipeline;
  Decoder decoder{};
  SequenceTemplate sequence{};
  std::vector<AddedToken> added{};
  RoleTokens roles{};
};

}  // namespace peft
