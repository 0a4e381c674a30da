// expect: static assertion failed: peft::Delta: the delta acts on special tokens, and this backbone's tokenizer puts none around
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/pasta.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/model/gpt2.hpp>
#include <peft/model/model.hpp>
#include <peft/task/language_model.hpp>

using namespace peft;

#ifdef PEFT_EXPECT_ERROR
using Tuned = Method<Delta<Pasta>>;
#else
using Tuned = Method<Delta<Prompt>>;
#endif

void build() { Model<Gpt2<float>, Tuned, LanguageModel> model(nullptr); }
