// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include <peft/core/inline.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/io/peft_targets.hpp>

namespace peft {

/// The settings of an `adapter_config.json` for LoRA that say how its tensors are meant.
class PeftLoraConfig {
 public:
  /// Throws Error naming the key for another kind of adapter, for variants of LoRA that compute something else, and
  /// for values of the wrong type.
  explicit PeftLoraConfig(const PeftAdapter& adapter);

  /// "" where the config lets an adapter sit on the module, or what speaks against it.
  std::string objection(const std::string& path) const { return targets_.objection(path); }

  /// The rank that the config gives a module whose tensors have `found`: that one where the config cannot be evaluated.
  int rank_of(const std::string& path, int found) const;

  /// The numerator of the scale for a module of this rank: PEFT divides by the rank, or by its root with use_rslora.
  double alpha_of(const std::string& path, int rank) const;

  const std::string& where() const { return fields_.where(); }

  int rank = 8;
  double alpha = 8, dropout = 0;
  bool root_scale = false, magnitudes = false;
  std::string base_model, task_type;

 private:
  void check_initialisation() const;

  JsonFields fields_;
  PeftTargets targets_;
  PeftPatterns ranks_, alphas_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_config.ipp>
#endif
