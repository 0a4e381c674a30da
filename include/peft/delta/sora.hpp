// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/lora.hpp>

namespace peft {

/// SoRA (Ding et al., 2023):  y += s W_u (g * (W_d x)), the gates shrunk to zero by proximal steps while training and pruned
/// away after. It is LoRA with a proximal gate; by the paper on every matrix of every block.
template <int r, class Xi = ScaledByLr>
using SoRA = Method<Delta<LoRA<r>, At<Linear>>, Gate<ProximalGate<Xi>>>;

}  // namespace peft
