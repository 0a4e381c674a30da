// SPDX-License-Identifier: Apache-2.0
#include <peft/model/deberta.hpp>

#include "encoder.hpp"

std::vector<float> ask_deberta(const Question& q) { return probe::ask_encoder<peft::Deberta<>>(q); }
