// expect: static assertion failed: peft::SideNet: the net follows one stack of layers
// SPDX-License-Identifier: Apache-2.0
#include <peft/model/model.hpp>
#include <peft/model/t5.hpp>
#include <peft/side/ladder.hpp>
#include <peft/side/side_tuning.hpp>
#include <peft/task/language_model.hpp>

using namespace peft;

#ifdef PEFT_EXPECT_ERROR
using Tuned = Method<SideNet<SideTuning<>>>;
#else
using Tuned = Method<SideNet<Ladder<>>>;
#endif

void build() { Model<T5<float>, Tuned, LanguageModel> model(nullptr); }
