// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/dtype.hpp>

#ifdef PEFT_SEPARATE
namespace peft {

template void convert<float>(DType, const std::byte*, std::span<float>);
template void convert<double>(DType, const std::byte*, std::span<double>);

}  // namespace peft
#endif
