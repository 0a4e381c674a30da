// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/inline.hpp>

namespace peft {

struct PeftAdapter;

/// A tensor's name without what says nothing of the model: the wrappers around it ("base_model.model.", "module.",
/// "_orig_mod."), PEFT's own containers ("base_layer.", "modules_to_save.default.", "token_adapter.") and the adapter's
/// name behind a field ("lora_A.default.weight"). `adapter` is that name, "" where none is known. Absent: the tensor is
/// a copy that PEFT keeps of what it has replaced, and never reads.
std::optional<std::string> plain_name(std::string_view name, std::string_view adapter);

/// How a family's checkpoints call their modules.
struct ModuleNames {
  std::string prefix;  // of the base model, "bert.", which an adapter of the bare model leaves out
  std::vector<std::string> parts;  // what stands behind it: "embeddings", "encoder", "pooler"
  std::vector<std::string> head{};  // linear layers of the task's: "classifier"
};

/// Gives all tensors of an adapter the names that PEFT of today gives them; what had to be changed is said in `notes`.
/// Throws Error for two adapters in one file, and two different tensors of one name.
void settle_names(PeftAdapter& adapter);

/// The same for an adapter of the bare model ("encoder.layer.0" for "bert.encoder.layer.0").
void settle_names(PeftAdapter& adapter, const ModuleNames& names);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_names.ipp>
#endif
