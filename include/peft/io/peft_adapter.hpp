// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
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
  std::map<std::string, std::vector<std::string>> key_order =
      {};  // of rank_pattern and alpha_pattern, as in the file: the first that fits counts
  std::string left_out =
      {};            // what the file's own names of modules lack of the model's: "bert." of a bare model's adapter
  std::vector<std::string> notes = {};   // what a user should know of how it was read

  /// "LORA", "IA3", ...
  std::string kind() const;
  /// Typed reading of the config.
  JsonFields fields() const;
  void add(std::string name, std::vector<std::int64_t> shape, std::vector<float> data);
};

/// All that PEFT 0.21 writes for a kind, as its configs have it by default.
nlohmann::json default_config(const std::string& kind);

/// Python readers expect 16, not 16.0, where a number is whole.
nlohmann::json plain_number(double value);

/// The same, of a number that went through a division and back: rounding beyond 12 digits is taken off.
nlohmann::json rounded_number(double value);

/// Checks the keys that most kinds have: `fan_in_fan_out` says how the backbone stores its weights, not the adapter (A
/// is (r, in) and B (out, r) either way), `bias` which biases are trained beside it.
void check_common(const JsonFields& fields);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_adapter.ipp>
#include <peft/io/peft_tensors.ipp>
#endif
