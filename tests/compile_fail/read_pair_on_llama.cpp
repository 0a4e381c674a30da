// expect: static assertion failed: peft::SideNet: the net reads how a decoder attends to its encoder
// SPDX-License-Identifier: Apache-2.0
#include <peft/model/llama.hpp>
#include <peft/model/model.hpp>
#include <peft/side/gru.hpp>
#include <peft/side/read.hpp>
#include <peft/side/read_pair.hpp>
#include <peft/task/language_model.hpp>

using namespace peft;

#ifdef PEFT_EXPECT_ERROR
using Tuned = Method<SideNet<ReadPair<>>>;
#else
using Tuned = Method<SideNet<Read<>>>;
#endif

void build() { Model<Llama<float>, Tuned, LanguageModel> model(nullptr); }
