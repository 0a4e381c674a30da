// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

namespace peft {

/// A double as the shortest text that reads back to the same bits.
std::string exact(double value);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/core/exact.ipp>
#endif
