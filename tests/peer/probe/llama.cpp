// SPDX-License-Identifier: Apache-2.0
#include <peft/model/llama.hpp>

#include "decoder.hpp"

std::vector<float> ask_llama(const Question& q) { return probe::ask_decoder<peft::Llama<>>(q); }
