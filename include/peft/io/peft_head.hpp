// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/tensor_ref.hpp>

namespace peft {

struct PeftAdapter;

/// A checkpoint's own tensor by its name, where it has one.
using ReadTensor = std::function<std::optional<HostTensor>(const std::string& name)>;

/// An adapter's delta on the linear layers `head` of the task's head ("classifier", "classifier.dense"), which PEFT
/// puts there where nothing tells it that they are one, merged into their weights: from then on the adapter has these
/// whole, as if they had been saved so. LoRA, DoRA and (IA)^3; a delta of another kind stays. The weights are the
/// adapter's, else those that `read` gives; without any Error is thrown.
void settle_head(PeftAdapter& adapter, const std::vector<std::string>& head, const ReadTensor& read);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_head.ipp>
#endif
