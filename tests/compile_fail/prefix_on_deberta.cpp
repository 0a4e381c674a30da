// expect: static assertion failed: peft::Delta: a prefix has no place in this backbone
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/prefix.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/model/deberta.hpp>
#include <peft/model/model.hpp>

using namespace peft;

#ifdef PEFT_EXPECT_ERROR
using Tuned = Method<Delta<Prefix>>;
#else
using Tuned = Method<Delta<Prompt>>;
#endif

void build() { Model<Deberta<float>, Tuned> model(nullptr); }
