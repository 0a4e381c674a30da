// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include <peft/core/dtype.hpp>

/// Python's objects, as far as a file of tensors holds any.
namespace peft::pickle {

enum class Kind : std::uint8_t { none, boolean, integer, real, text, tuple, list, dict, callable, storage, tensor };

/// What an object of kind callable makes when it is called, or names.
enum class Callable : std::uint8_t { ordered_dict, tensor, tensor_with_dtype, parameter, storage_class, dtype };

/// The place of an object among all of a file. Objects of a file may share parts, or hold themselves; indices neither
/// dangle nor recurse.
using Id = std::uint32_t;

struct Object {
  Kind kind = Kind::none;
  Callable callable = {};
  DType dtype = {};         // of a storage and a tensor, and of a callable that has one
  std::int64_t number = 0;  // an integer's value; a storage's elements; a tensor's first element in its storage
  std::string_view text;    // a text; a callable's name; a storage's key
  std::vector<Id>
      items;    // of a tuple and a list; of a dict: key, value, key, value ..; of a tensor: storage, shape, strides
};

}  // namespace peft::pickle
