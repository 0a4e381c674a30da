// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/train/progress.hpp>

namespace peft {

template class BasicProgressBar<std::chrono::steady_clock>;

}  // namespace peft
