// expect: static assertion failed: peft::Delta: the delta trains the backbone's biases, and this backbone has none
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/added_bias.hpp>
#include <peft/model/model.hpp>
#include <peft/model/t5.hpp>
#include <peft/task/language_model.hpp>

using namespace peft;

/// BitFit takes what there is, and here that is nothing but its added ones.
#ifdef PEFT_EXPECT_ERROR
using Tuned = Method<Delta<Bias>>;
#else
using Tuned = BitFit;
#endif

void build() { Model<T5<float>, Tuned, LanguageModel> model(nullptr); }
