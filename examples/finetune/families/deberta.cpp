// SPDX-License-Identifier: Apache-2.0
#include <peft/model/deberta.hpp>

#include "encoder.hpp"

namespace {

const EncoderMethods<peft::Deberta<float>> deberta;

}  // namespace
