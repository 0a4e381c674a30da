// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/text/added_tokens.hpp>
#include <peft/text/bert_wordpiece.hpp>
#include <peft/text/sequence_template.hpp>
#include <string>
#include <variant>
#include <vector>

namespace peft {

/// What a model's role tokens are called. A model need not have them all.
struct RoleTokens {
  std::string cls = "[CLS]", sep = "[SEP]", pad = "[PAD]", unk = "[UNK]", mask = "[MASK]";
};

/// Everything a tokenizer is made of, as its files say. A new kind of model joins the variant.
struct TokenizerParts {
  std::variant<BertWordPiece> model;
  SequenceTemplate sequence;
  std::vector<AddedToken> added;
  RoleTokens roles;
};

}  // namespace peft
