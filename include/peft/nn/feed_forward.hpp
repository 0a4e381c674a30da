// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/nn/drop.hpp>
#include <peft/nn/linear.hpp>
#include <peft/nn/shape.hpp>
#include <peft/ops/activation.hpp>

namespace peft::nn {

/// x <- f(x), slope <- f'(x) unless it is empty.
template <class P>
void activate(const P& p, Activation f, typename P::V x, typename P::V slope) {
  if (f == Activation::gelu) ops::activate(p.w, x, slope, ops::Gelu{});
  if (f == Activation::gelu_tanh) ops::activate(p.w, x, slope, ops::GeluTanh{});
  if (f == Activation::relu) ops::activate(p.w, x, slope, ops::Relu{});
  if (f == Activation::silu) ops::activate(p.w, x, slope, ops::Silu{});
  if (f == Activation::tanh) ops::activate(p.w, x, slope, ops::Tanh{});
}

/// The feed-forward part of a layer:  W_down drop(act(W_up x)),  gated  W_down drop(act(W_gate x) * W_up x)  (Shazeer,
/// 2020).
template <class P>
struct FeedForward {
  using V = typename P::V;
  using C = typename P::C;

  C up_x, gate_x, down_x;  // (m, d) twice, (m, inner): inputs of the projections
  V slope;                 // (m, inner) derivative of the activation
  V gate, up;              // (m, inner) the two factors, where it is gated

  /// Whether backward reads x.
  static bool keeps_input(const P& p) {
    return p.template keeps_input<Site::ff_up>() || p.template keeps_input<Site::ffn>() ||
           (P::spec.gated && p.template keeps_input<Site::ff_gate>());
  }

  /// out (m, d) from x (m, d).
  void forward(const P& p, const Shape& shape, C x, V out, bool crossing) {
    const Extent m = rows(x);
    const bool keep_inner = p.template keeps_input<Site::ff_down>() && crossing;
    V inner = kept_if(p, keep_inner, m, shape.inner, "ff inner");
    slope = crossing ? p.keep(m, shape.inner, "slope") : V();
    if (P::spec.gated && shape.gated) {
      if constexpr (P::spec.gated) {
        gate = kept_if(p, crossing, m, shape.inner, "ff gate");
        up = kept_if(p, crossing, m, shape.inner, "ff up");
        linear<Site::ff_gate>(p, x, gate, gate_x);
        activate(p, shape.activation, gate, slope);
        linear<Site::ff_up>(p, x, up, up_x);
        ops::multiply(p.w, inner, C(gate), C(up));
      }
    } else {
      linear<Site::ff_up>(p, x, inner, up_x);
      activate(p, shape.activation, inner, slope);
    }
    dropped(p, DropoutAt::ffn_inner, shape.inner_dropout, inner, inner);
    linear<Site::ff_down>(p, inner, out, down_x);
  }

  /// Adds the gradient of x to dx (m, d); dout is overwritten.
  void backward(const P& p, const Shape& shape, V dout, V dx) {
    const auto scope = p.w.scope();
    V dinner = p.temp(rows(dout), shape.inner);
    linear_backward<Site::ff_down>(p, down_x, dout, dinner, false);
    dropped(p, DropoutAt::ffn_inner, shape.inner_dropout, dinner, dinner);
    if (P::spec.gated && shape.gated) {
      if constexpr (P::spec.gated) {
        // Both factors are read for the last time: their gradients take their place.
        ops::multiply(p.w, slope, C(slope), C(up));
        ops::multiply(p.w, up, C(dinner), C(gate));
        ops::multiply(p.w, gate, C(dinner), C(slope));
        linear_backward<Site::ff_up>(p, up_x, up, dx, true);
        linear_backward<Site::ff_gate>(p, gate_x, gate, dx, true);
      }
    } else {
      ops::multiply(p.w, dinner, C(dinner), C(slope));
      linear_backward<Site::ff_up>(p, up_x, dinner, dx, true);
    }
  }
};

}  // namespace peft::nn
