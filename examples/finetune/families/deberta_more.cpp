// SPDX-License-Identifier: Apache-2.0
#include <peft/model/deberta.hpp>

#include "encoder_more.hpp"

namespace {

const MoreEncoderMethods<peft::Deberta<float>> deberta_more;

}  // namespace
