// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include <peft/core/error.hpp>
#include <peft/io/near_names.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_targets.hpp>
#include <peft/io/peft_tensors.hpp>

namespace peft {

PEFT_INLINE PeftTensors::PeftTensors(const PeftAdapter& a, std::string prefix)
    : adapter_(a), prefix_(std::move(prefix)) {
  for (const auto& t : a.tensors) left_.emplace(t.name, &t);
}

PEFT_INLINE std::vector<std::string> PeftTensors::modules_with(const std::string& field) const {
  std::vector<std::string> paths;
  const std::string end = "." + field;
  for (const auto& [name, t] : left_)
    if (name.starts_with(prefix_) && name.ends_with(end) && name.size() > prefix_.size() + end.size())
      paths.push_back(name.substr(prefix_.size(), name.size() - prefix_.size() - end.size()));
  return paths;
}

PEFT_INLINE std::vector<std::string> PeftTensors::placed(const std::string& field) const {
  const PeftTargets targets(adapter_, adapter_.fields());
  std::vector<std::string> paths = modules_with(field);
  for (const std::string& path : paths)
    if (const std::string objection = targets.objection(path); !objection.empty())
      fail(adapter_.source, ": the module ", path, " has tensors but ", objection, ": PEFT would leave them out");
  return paths;
}

PEFT_INLINE bool PeftTensors::has(const std::string& name) const { return left_.contains(name); }

PEFT_INLINE const std::vector<std::int64_t>& PeftTensors::shape_of(const std::string& name) const {
  return left_.at(name)->shape;
}

PEFT_INLINE void PeftTensors::drop_empty(const std::string& name) {
  if (has(name) && left_.at(name)->data.empty()) left_.erase(name);
}

PEFT_INLINE std::string PeftTensors::at(const std::string& path, const std::string& field) const {
  return prefix_ + path + "." + field;
}

PEFT_INLINE HostTensor PeftTensors::take(const std::string& name, std::string ours,
                                         const std::vector<std::int64_t>& shape, std::vector<std::int64_t> shaped) {
  const auto found = left_.find(name);
  if (found == left_.end()) {
    std::vector<std::string> names;
    for (const auto& [other, t] : left_) names.push_back(other);
    fail(adapter_.source, ": the tensor \"", name, "\" is missing", near_names(name, names));
  }
  const HostTensor& t = *found->second;
  if (t.shape != shape)
    fail(adapter_.source, ": ", name, " has shape ", shape_text(t.shape), ", expected ", shape_text(shape));
  left_.erase(found);
  return {std::move(ours), shaped.empty() ? t.shape : std::move(shaped), t.data};
}

PEFT_INLINE std::vector<HostTensor> PeftTensors::take_head() {
  std::vector<HostTensor> head;
  for (const auto& [name, t] : left_) {
    if (!name.starts_with(prefix_) || name.find('.', prefix_.size()) == name.npos)
      fail(adapter_.source, ": the tensor \"", name, "\" is surplus: neither part of the ", adapter_.kind(),
           " adapter nor of a module of the model");
    head.push_back({name.substr(prefix_.size()), t->shape, t->data});
  }
  left_.clear();
  return head;
}

}  // namespace peft
