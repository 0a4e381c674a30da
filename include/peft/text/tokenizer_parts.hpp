// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <peft/text/added_tokens.hpp>
#include <peft/text/decode/decoder.hpp>
#include <peft/text/pipeline.hpp>
#include <peft/text/role_tokens.hpp>
#include <peft/text/sequence_template.hpp>
#include <utility>

namespace peft {

/// Everything a tokenizer is made of, as its files say.
struct TokenizerParts {
  Pipeline pipeline;
  Decoder decoder{};
  SequenceTemplate sequence{};
  AddedTokens added{};
  RoleTokens roles{};
  bool has_chat_template = false;

  /// Adds a token, or changes one that is there. Its id is the vocabulary's where that has it, else the next behind the
  /// vocabulary and the tokens added so far, whatever it was: as in Hugging Face's tokenizers.
  void add(AddedToken token) {
    if (token.content.empty()) return;
    const Vocabulary& vocabulary = pipeline.vocabulary();
    const AddedToken* const before = added.find(token.content);
    token.id = before != nullptr ? before->id : vocabulary.find(token.content);
    if (token.id == Vocabulary::none)
      token.id = std::max(added.last() + 1, static_cast<std::int32_t>(vocabulary.size()));
    added.set(std::move(token));
  }
};

}  // namespace peft
