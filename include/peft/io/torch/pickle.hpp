// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/torch/byte_reader.hpp>
#include <peft/io/torch/objects.hpp>

namespace peft::pickle {

/// A pickle's machine with what a state dict needs of it (Python's pickletools describes the opcodes, torch/_utils.py
/// what is called): containers, texts, numbers, and of all that could be called the rebuilding of tensors. Nothing of
/// Python runs. Objects are filled in as the pickle goes on; any other opcode, and any name that is not in the table of
/// those known, is an Error that says which.
class Unpickler {
 public:
  /// Texts of the objects point into `bytes`.
  Unpickler(std::span<const std::byte> bytes, std::string where) : from_(bytes, std::move(where)) {}

  /// Reads one pickle up to its STOP, and goes on behind it when called again. The object that it is.
  Id read();

  const Object& at(Id id) const { return objects_[id]; }
  std::size_t count() const { return objects_.size(); }
  /// What follows the pickles that were read.
  ByteReader& rest() { return from_; }

 private:
  void hold(std::size_t more);
  Id add(Object object);
  Id add(Kind kind, std::int64_t number = 0, std::string_view text = {});
  void push(Id id) { stack_.push_back(id); }
  Id pop();
  Id& top();
  std::vector<Id> since_mark();
  Object& filled(Kind kind, const char* what);
  const Object& popped(Kind kind, const char* what);
  std::string_view text_of(Id id, const char* what) const;

  void step(std::uint8_t opcode);
  void tuple(std::vector<Id> items);
  void tuple_of_last(std::size_t count);
  void name(std::string_view module, std::string_view name);
  void call();
  void build();
  void storage();
  Id dict_of(const std::vector<Id>& arguments);
  Id tensor_of(const Object& function, const std::vector<Id>& arguments);
  void put(std::uint32_t place) { memo_[place] = top(); }
  void get(std::uint32_t place);
  std::int64_t long_integer(std::size_t size);

  ByteReader from_;
  std::vector<Object> objects_;
  std::size_t held_ = 0;  // objects, and their places in others
  std::vector<Id> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, Id> memo_;
};

}  // namespace peft::pickle

#ifndef PEFT_SEPARATE
#include <peft/io/torch/pickle.ipp>
#endif
