// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/train/meter.hpp>

namespace peft {

template class BasicMeter<std::chrono::steady_clock>;

}  // namespace peft
