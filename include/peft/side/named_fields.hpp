// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include <peft/core/fields.hpp>

namespace peft {

/// Fields whose names begin with `prefix`, for a delta with a part twice.
template <class F>
struct NamedFields {
  F& fields;
  const char* prefix;
  void trained(const std::string& name, auto& tensor, Extent r, Extent c, Init init) const {
    fields.trained(prefix + name, tensor, r, c, init);
  }
  void vector(const std::string& name, auto& tensor, Extent n, Init init) const {
    fields.vector(prefix + name, tensor, n, init);
  }
};
template <class F>
NamedFields(F&, const char*) -> NamedFields<F>;

}  // namespace peft
