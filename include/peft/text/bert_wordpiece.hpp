// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <peft/text/normalize/bert.hpp>
#include <peft/text/split/bert.hpp>
#include <peft/text/model/wordpiece.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// From text to ids in the BERT family. Another kind of tokenizer offers the same three members.
struct BertWordPiece {
  BertNormalizer normalizer;
  WordPiece model;

  std::string normalize(std::string_view text) const { return normalizer(text); }

  /// Appends the ids of text that `normalize` has returned.
  void encode(std::string_view text, std::vector<std::int32_t>& ids) const {
    for_each_bert_word(text, [&](std::string_view word) { model.encode(word, ids); });
  }

  const Vocabulary& vocabulary() const { return model.vocabulary(); }
};

}  // namespace peft
