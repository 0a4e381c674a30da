// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include <peft/core/error.hpp>
#include <peft/core/fields.hpp>
#include <peft/core/inline.hpp>

namespace peft {

PEFT_INLINE std::size_t Layout::add(Field field) {
  require(field.rows > 0 && field.cols > 0, "field ", field.name, ": shape (", field.rows, ", ", field.cols,
          ") is empty");
  // Two adapters of one method at one module, or their gates: each has its own first values, and its own place in a
  // file.
  field.twin = ++named_[field.name];
  if (field.twin > 1 && field.init.kind != Init::checkpoint) field.name += cat(".", field.twin);
  fields_.push_back(std::move(field));
  return fields_.size() - 1;
}

PEFT_INLINE void Layout::finish() {
  std::int64_t at = 0;
  const auto place = [&](auto belongs) {
    for (Field& f : fields_)
      if (belongs(f)) {
        f.offset = at;
        at += (f.size() + alignment - 1) / alignment * alignment;
      }
    return at;
  };
  dense_ = place([](const Field& f) { return f.role == Role::trained && !f.table; });
  derived_ = place([](const Field& f) { return f.role == Role::derived && !f.table; });
  gradients_ = place([](const Field& f) { return f.role != Role::state && f.table; });
  size_ = place([](const Field& f) { return f.role == Role::state; });
}

PEFT_INLINE const Field* Layout::find(const std::string& name) const {
  for (const Field& f : fields_)
    if (f.name == name) return &f;
  return nullptr;
}

PEFT_INLINE const Field* Layout::find(const std::string& name, std::size_t first) const {
  for (std::size_t i = first; i < fields_.size(); ++i)
    if (const Field& f = fields_[i]; f.name == name || (f.twin > 1 && f.name == cat(name, ".", f.twin))) return &f;
  return nullptr;
}

PEFT_INLINE std::int64_t Layout::trained() const {
  std::int64_t n = 0;
  for (const Field& f : fields_) n += f.role == Role::trained ? f.size() : 0;
  return n;
}

}  // namespace peft
