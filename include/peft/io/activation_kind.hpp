// SPDX-License-Identifier: Apache-2.0
#pragma once
namespace peft {

/// The nonlinearities that checkpoints name: x Phi(x) exactly ("gelu") or with the tanh approximation ("gelu_new",
/// "gelu_pytorch_tanh"), max(0, x), x sigmoid(x) ("silu", "swish") and tanh.
enum class ActivationKind { Gelu, GeluTanh, Relu, Silu, Tanh };

}  // namespace peft
