// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/tensor_ref.hpp>
#include <peft/io/torch/pickle.hpp>

namespace peft::pickle {

/// The bytes of a file's storages by their keys.
using Storages = std::unordered_map<std::string_view, std::span<const std::byte>>;

/// The tensors of a file, and the bytes of those that are not a stretch of the file as they are.
struct StateDict {
  std::vector<TensorRef> tensors;
  std::deque<std::vector<std::byte>> copies;
};

/// The tensors of the dict `root` by name: views into the storages, or copies where a tensor's elements lie otherwise
/// (a transposed view). A dict that holds nothing but another with tensors, {"state_dict": {..}}, is that one. Throws
/// Error naming `file` and the tensor where it leaves its storage, a name occurs twice, or there are tensors in more
/// than one place (an optimizer's, say).
StateDict read_state_dict(const Unpickler& objects, Id root, const Storages& storages, std::size_t file_size,
                          const std::string& file);

}  // namespace peft::pickle

#ifndef PEFT_SEPARATE
#include <peft/io/torch/state_dict.ipp>
#endif
