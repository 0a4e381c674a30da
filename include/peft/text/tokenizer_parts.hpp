// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <peft/text/added_tokens.hpp>
#include <peft/text/decode/decoder.hpp>
#include <peft/text/pipeline.hpp>
#include <peft/text/role_tokens.hpp>
#include <peft/text/sequence_template.hpp>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

/// Everything a tokenizer is made of, as its files say.
struct TokenizerParts {
  Pipeline pipeline;
  Decoder decoder{};
  SequenceTemplate sequence{};
  std::vector<AddedToken> added{};
  RoleTokens roles{};
  bool has_chat_template = false;

  const AddedToken* find_added(std::string_view content) const {
    const auto found = std::find_if(added.begin(), added.end(), [&](const AddedToken& t) { return t.content == content; });
    return found == added.end() ? nullptr : &*found;
  }

  /// Adds a token, or changes one that is there. Its id is the vocabulary's where that has it, else the next behind the
  /// vocabulary and the tokens added so far, whatever it was: as in Hugging Face's tokenizers.
  void add(AddedToken token) {
    if (token.content.empty()) return;
    const Vocabulary& vocabulary = pipeline.vocabulary();
    const AddedToken* const before = find_added(token.content);
    token.id = before != nullptr ? before->id : vocabulary.find(token.content);
    if (token.id == Vocabulary::none) {
      std::int32_t last = -1;
      for (const AddedToken& other : added) last = std::max(last, other.id);
      token.id = std::max(last + 1, static_cast<std::int32_t>(vocabulary.size()));
    }
    if (before != nullptr)
      added[static_cast<std::size_t>(before - added.data())] = std::move(token);
    else
      added.push_back(std::move(token));
  }
};

}  // namespace peft
