// SPDX-License-Identifier: Apache-2.0
#include <peft/model/t5.hpp>

#include "decoder.hpp"

std::vector<float> ask_t5(const Question& q) { return probe::ask_decoder<peft::T5<>>(q); }
