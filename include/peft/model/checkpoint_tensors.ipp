// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/dtype.hpp>
#include <peft/core/error.hpp>
#include <peft/model/checkpoint_tensors.hpp>
#include <peft/site.hpp>

namespace peft {

PEFT_INLINE bool CheckpointTensors::vector(const std::string& name) const {
  const TensorRef* ref = find(name);
  return ref != nullptr && ref->shape.size() == 1;
}

PEFT_INLINE const TensorRef& CheckpointTensors::take(const std::string& name, int rows, int cols) {
  const TensorRef* ref = find(name);
  if (ref == nullptr) fail(source(), ": the tensor ", name, " is missing (also without \"", prefix_, "\")");
  const bool fits = ref->shape.size() == 2 ? ref->shape[0] == rows && ref->shape[1] == cols
                                           : rows == 1 && ref->shape.size() == 1 && ref->shape[0] == cols;
  if (!fits)
    fail(source(), ": ", ref->name, " has shape ", shape_text(ref->shape), ", expected ",
         rows == 1 ? cat("(", cols, ")") : cat("(", rows, ", ", cols, ")"), " by config.json");
  if (!is_float(ref->dtype))
    fail(source(), ": ", ref->name, " is stored as ", peft::name(ref->dtype), "; weights are F64, F32, F16 or BF16");
  used_.insert(ref->name);
  return *ref;
}

PEFT_INLINE void CheckpointTensors::finish(const std::vector<std::string>& ignored) const {
  if (checkpoint_.empty()) return;
  for (const std::string& name : checkpoint_.front().names()) {
    if (used_.count(name)) continue;
    const std::string bare = name.rfind(prefix_, 0) == 0 ? name.substr(prefix_.size()) : name;
    bool skip = false;
    for (const std::string& start : ignored) skip = skip || glob(start + "*", bare);
    if (!skip)
      fail(source(), ": nothing in this model takes the tensor ", name, " ",
           shape_text(checkpoint_.front().at(name).shape), "; is config.json of another model, or the number of layers too small?");
  }
}

PEFT_INLINE const TensorRef* CheckpointTensors::find(const std::string& name) const {
  if (checkpoint_.empty()) return nullptr;
  if (const TensorRef* ref = checkpoint_.front().find(name)) return ref;
  return name.rfind(prefix_, 0) == 0 ? checkpoint_.front().find(name.substr(prefix_.size())) : nullptr;
}

PEFT_INLINE std::string CheckpointTensors::source() const {
  return checkpoint_.empty() ? "backbone" : checkpoint_.front().path();
}

}  // namespace peft
