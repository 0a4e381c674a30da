// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/tensor.hpp>

namespace peft::nn {

enum class Activation { gelu, gelu_tanh, relu };

/// The numbers of an encoder: what a checkpoint's config says and no type needs to know.
struct EncoderShape {
  int layers = 0;
  Extent width = 0, heads = 0, inner = 0;
  double epsilon = 1e-12;
  Activation activation = Activation::gelu;
  double hidden_dropout = 0, attention_dropout = 0;
};

/// Names of the places where a block draws dropout.
enum class DropoutAt : unsigned { embedding = 1, attention, attention_out, ffn_out, classifier, prefix_keys, prefix_values, delta = 64 };

}  // namespace peft::nn
