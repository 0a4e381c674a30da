// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace peft {

/// The factor that brings a gradient of this norm down to `limit` (PyTorch's clip_grad_norm_); 1 when limit <= 0.
inline double clip_factor(double norm, double limit) { return limit > 0 && norm > limit ? limit / (norm + 1e-6) : 1; }

}  // namespace peft
