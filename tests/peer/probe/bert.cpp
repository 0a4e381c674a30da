// SPDX-License-Identifier: Apache-2.0
#include <peft/model/bert.hpp>

#include "encoder.hpp"

std::vector<float> ask_bert(const Question& q) { return probe::ask_encoder<peft::Bert<>>(q); }
