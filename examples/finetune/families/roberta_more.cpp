// SPDX-License-Identifier: Apache-2.0
#include <peft/model/roberta.hpp>

#include "encoder_more.hpp"

namespace {

const MoreEncoderMethods<peft::Roberta<float>> roberta_more;

}  // namespace
