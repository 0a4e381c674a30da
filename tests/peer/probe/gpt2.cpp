// SPDX-License-Identifier: Apache-2.0
#include <peft/model/gpt2.hpp>

#include "decoder.hpp"

std::vector<float> ask_gpt2(const Question& q) { return probe::ask_decoder<peft::Gpt2<>>(q); }
