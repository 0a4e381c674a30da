// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include <peft/concepts.hpp>
#include <peft/nn/affine.hpp>
#include <peft/ops/blend.hpp>

namespace peft {

/// How a ladder takes in what a layer of the backbone gives, h (n, d), beside its own s (n, w):
///   s <- m s + (1 - m)(D h + c),   m = sigmoid(a / T).
/// a = 0, D and c as torch.nn.Linear. Trains d w + w + 1.
struct Rung {
  double temperature;

  template <class V>
  struct Params {
    Weights<V> down;  // (w, d)  (1, w)
    V gate;           // (1, 1)
  };
  template <class V>
  struct Kept {
    V h, difference;  // (n, d)  (n, w)
  };

  static void declare(auto& fields, auto& p, const std::string& path, Extent d, Extent w) {
    nn::declare_affine(fields, path + ".down", p.down, d, w, nn::Runs::in_groups);
    fields.vector(path + ".gate", p.gate, 1);
  }
  /// The new s, kept.
  template <class V>
  V forward(auto& c, const auto& p, auto& kept, auto h, V s) const {
    kept.h = c.keep(rows(h), cols(h), "taps");
    kept.difference = c.keep(rows(s), cols(s), "side");
    const V mixed = c.keep(rows(s), cols(s), "side");
    const auto scope = c.w.scope();
    const V z = c.temp(rows(s), cols(s));
    ops::copy(c, kept.h, h);
    nn::affine(c, p.down, h, z);  // z    = h D' + c               (n, w)
    ops::blend(c, p.gate, temperature, s, z, mixed, kept.difference);
    return mixed;
  }
  /// Turns ds, the gradient of the new s, into that of the old one.
  template <class V>
  void backward(auto& c, const auto& p, auto& kept, V ds, auto& g) const {
    const auto scope = c.w.scope();
    const V dz = c.temp(rows(ds), cols(ds));
    ops::blend_backward(c, p.gate, temperature, kept.difference, ds, ds, dz, g.gate);
    nn::affine_backward(c, p.down, kept.h, dz, g.down, V());
  }
};

}  // namespace peft
