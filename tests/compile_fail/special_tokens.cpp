// expect: static assertion failed: peft::Delta: the delta acts on special tokens, and this backbone's tokenizer puts none around
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/pasta.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/model.hpp>

using namespace peft;

/// A backbone whose tokenizer adds nothing, as GPT-2's.
struct Bare : Bert<float> {
#ifdef PEFT_EXPECT_ERROR
  static constexpr bool special_tokens = false;
#endif
};

void build() { Model<Bare, Method<Delta<Pasta>>> model(nullptr); }
