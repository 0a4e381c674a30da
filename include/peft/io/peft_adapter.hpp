// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/io/label_text.hpp>
#include <peft/io/peft_methods.hpp>
#include <peft/io/peft_tensors.hpp>

/// An adapter's files in memory, and what specialisations of `PeftFormat` (io/peft_methods.hpp) are written with.
namespace peft {

/// An adapter: its config and its tensors, under PEFT's full names.
struct PeftAdapter {
  nlohmann::json config = nlohmann::json::object();
  std::vector<HostTensor> tensors;
  std::string source = "the adapter";  // the folder, for errors
  HeadLabels labels{};

  /// "LORA", "IA3", ...
  std::string kind() const;
  /// Typed reading of the config.
  JsonFields fields() const;
  void add(std::string name, std::vector<std::int64_t> shape, std::vector<float> data);
};

/// Python readers expect 16, not 16.0, where a number is whole.
nlohmann::json plain_number(double value);

/// The same, of a number that went through a division and back: rounding beyond 12 digits is taken off.
nlohmann::json rounded_number(double value);

/// The modules that an adapter saves whole: modules_to_save and what PEFT adds for a task. As in PEFT a name means every module
/// whose own ends in it, with what is inside: "classifier" means pre_classifier as well.
class PeftKept {
 public:
  explicit PeftKept(const JsonFields& fields);
  bool has(const std::string& path) const;

 private:
  std::vector<std::string> names_;
};

/// Refuses what changes the meaning of an adapter and is not read: trained biases and weights stored the other way.
void check_plain(const JsonFields& fields);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_adapter.ipp>
#include <peft/io/peft_tensors.ipp>
#endif
