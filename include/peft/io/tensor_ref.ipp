// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/tensor_ref.hpp>

namespace peft {

PEFT_INLINE std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + ")";
}

#ifdef PEFT_SEPARATE
template void TensorRef::read<float>(std::span<float>) const;
template void TensorRef::read<double>(std::span<double>) const;
template std::vector<float> TensorRef::values<float>() const;
template std::vector<double> TensorRef::values<double>() const;
#endif

}  // namespace peft
