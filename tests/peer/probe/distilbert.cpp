// SPDX-License-Identifier: Apache-2.0
#include <peft/model/distilbert.hpp>

#include "encoder.hpp"

std::vector<float> ask_distilbert(const Question& q) { return probe::ask_encoder<peft::Distilbert<>>(q); }
