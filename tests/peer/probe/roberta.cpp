// SPDX-License-Identifier: Apache-2.0
#include <peft/model/roberta.hpp>

#include "encoder.hpp"

std::vector<float> ask_roberta(const Question& q) { return probe::ask_encoder<peft::Roberta<>>(q); }
