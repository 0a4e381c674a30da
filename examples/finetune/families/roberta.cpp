// SPDX-License-Identifier: Apache-2.0
#include <peft/model/roberta.hpp>

#include "encoder.hpp"

namespace {

const EncoderMethods<peft::Roberta<float>> roberta;

}  // namespace
