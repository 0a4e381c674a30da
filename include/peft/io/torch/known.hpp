// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string_view>

#include <peft/core/dtype.hpp>
#include <peft/io/torch/objects.hpp>

namespace peft::pickle {

/// All that a file may name, to be called or as an argument. Whatever else it names is refused.
inline constexpr struct Known {
  std::string_view name;
  Callable callable;
  DType dtype = {};
} known[] = {{"collections.OrderedDict", Callable::ordered_dict},
             {"torch._utils._rebuild_tensor", Callable::tensor},
             {"torch._utils._rebuild_tensor_v2", Callable::tensor},
             {"torch._utils._rebuild_tensor_v3", Callable::tensor_with_dtype},
             {"torch._utils._rebuild_parameter", Callable::parameter},
             {"torch.DoubleStorage", Callable::storage_class, DType::F64},
             {"torch.FloatStorage", Callable::storage_class, DType::F32},
             {"torch.HalfStorage", Callable::storage_class, DType::F16},
             {"torch.BFloat16Storage", Callable::storage_class, DType::BF16},
             {"torch.LongStorage", Callable::storage_class, DType::I64},
             {"torch.IntStorage", Callable::storage_class, DType::I32},
             {"torch.ShortStorage", Callable::storage_class, DType::I16},
             {"torch.CharStorage", Callable::storage_class, DType::I8},
             {"torch.ByteStorage", Callable::storage_class, DType::U8},
             {"torch.BoolStorage", Callable::storage_class, DType::Bool},
             {"torch.storage.UntypedStorage", Callable::storage_class, DType::U8},
             {"torch.float64", Callable::dtype, DType::F64},
             {"torch.float32", Callable::dtype, DType::F32},
             {"torch.float16", Callable::dtype, DType::F16},
             {"torch.bfloat16", Callable::dtype, DType::BF16},
             {"torch.int64", Callable::dtype, DType::I64},
             {"torch.int32", Callable::dtype, DType::I32},
             {"torch.int16", Callable::dtype, DType::I16},
             {"torch.int8", Callable::dtype, DType::I8},
             {"torch.uint8", Callable::dtype, DType::U8},
             {"torch.bool", Callable::dtype, DType::Bool}};

/// The entry of that name, or nullptr.
constexpr const Known* known_as(std::string_view name) {
  for (const Known& one : known)
    if (name == one.name) return &one;
  return nullptr;
}

}  // namespace peft::pickle
