// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/error.hpp>
#include <peft/io/encoder_config.hpp>
#include <peft/nn/shape.hpp>

namespace peft {

/// What a config calls an activation, as layers know it.
inline nn::Activation activation_of(ActivationKind a) {
  switch (a) {
    case ActivationKind::Gelu: return nn::Activation::gelu;
    case ActivationKind::GeluTanh: return nn::Activation::gelu_tanh;
    case ActivationKind::Relu: return nn::Activation::relu;
    case ActivationKind::Silu: return nn::Activation::silu;
    case ActivationKind::Tanh: return nn::Activation::tanh;
  }
  fail("an activation without a number");
}

/// The numbers of BERT and of the encoders made after it.
inline nn::Shape encoder_shape(const EncoderConfig& c) {
  nn::Shape s;
  s.layers = c.num_hidden_layers;
  s.width = c.hidden_size;
  s.heads = c.num_attention_heads;
  s.inner = c.intermediate_size;
  s.epsilon = c.layer_norm_eps;
  s.activation = activation_of(c.hidden_act);
  s.hidden_dropout = c.hidden_dropout_prob;
  s.attention_dropout = c.attention_probs_dropout_prob;
  return s;
}

}  // namespace peft
