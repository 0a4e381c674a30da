// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <peft/io/tensor_ref.hpp>

namespace peft {

struct PeftAdapter;

/// Hands out the tensors of an adapter one by one, so that unused ones are noticed at the end.
class PeftTensors {
 public:
  /// `prefix` is what stands before the names of the head, and of modules.
  explicit PeftTensors(const PeftAdapter& a, std::string prefix = "base_model.model.");

  const PeftAdapter& adapter() const { return adapter_; }
  /// The paths of all modules that have a tensor called `field` (left), sorted.
  std::vector<std::string> modules_with(const std::string& field) const;
  /// The same; fails for a module that the config does not let the adapter sit on.
  std::vector<std::string> placed(const std::string& field) const;
  bool has(const std::string& name) const;
  const std::vector<std::int64_t>& shape_of(const std::string& name) const;
  /// Skips a tensor without elements.
  void drop_empty(const std::string& name);
  std::string at(const std::string& path, const std::string& field) const;

  /// The tensor `name` as `ours`. Its shape must be `shape`; it comes back with `shaped`, when that is given, of as
  /// many elements.
  HostTensor take(const std::string& name, std::string ours, const std::vector<std::int64_t>& shape,
                  std::vector<std::int64_t> shaped);
  // No default argument: nvcc 13 cannot put one behind a list of types yet unknown.
  HostTensor take(const std::string& name, std::string ours, const std::vector<std::int64_t>& shape) {
    return take(name, std::move(ours), shape, {});
  }

  /// Everything left, tensors of modules saved whole (the head, biases, tables), under the model's names.
  std::vector<HostTensor> take_head();

 private:
  const PeftAdapter& adapter_;
  std::string prefix_;
  std::map<std::string, const HostTensor*> left_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_adapter.hpp>  // which includes the .ipp: it needs PeftAdapter
#endif
