// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/lora.hpp>

namespace peft {

/// SoRA (Ding et al., 2023):  y += s W_u (g * (W_d x)), the gates shrunk to zero by proximal steps while training and
/// pruned away after. It is LoRA with a proximal gate; by the paper on every matrix of every block. Trains r (in + out
/// + 1) per matrix; a rank that stays costs in + out, its gate being folded into W_u.
template <int r, class Xi = ScaledByLr, class Start = Normal01, class Penalty = NoPenalty>
using SoRA = Method<Delta<LoRA<r>, At<Linear>>, Gate<ProximalGate<Xi, Start, Penalty>>>;

/// As the released code: another operator, a constant xi, and a penalty on top.
template <int r>
using ReferenceSoRA = SoRA<r, ReferenceXi, Normal01, MeanPenalty>;

}  // namespace peft
