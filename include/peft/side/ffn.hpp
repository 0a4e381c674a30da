// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <string>

#include <peft/core/fields.hpp>
#include <peft/ops/activation.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/reduce.hpp>

namespace peft {

/// A small feed-forward network of a side net, READ's F:  F h = F2 tanh(F1 h + b1) + b2, all of width k and ~
/// U(+-1/sqrt(k)). Trains 2 (k^2 + k). Steps are run one by one, the gradients of the tensors made of all of them at
/// once.
struct SideFfn {
  template <class V>
  struct Params {
    V F1, b1, F2, b2;  // (k, k) (1, k) twice
  };

  void declare(auto& fields, const std::string& name, auto& p, Extent k) const {
    const auto bound = uniform(1 / std::sqrt(static_cast<double>(k)));
    fields.trained(name + ".0.weight", p.F1, k, k, bound);
    fields.vector(name + ".0.bias", p.b1, k, bound);
    fields.trained(name + ".1.weight", p.F2, k, k, bound);
    fields.vector(name + ".1.bias", p.b2, k, bound);
  }
  /// u (n, k) from h (n, k), empty where it is zero. z, slope (n, k) are what backward reads again.
  void forward(auto& c, const auto& p, auto h, auto z, auto slope, auto u) const {
    ops::broadcast_row(c, z, p.b1);
    if (!empty(h)) ops::gemm(c, z, h, t(p.F1), 1, 1);
    ops::activate(c, z, slope, ops::Tanh{});                   // z    = tanh(h F1' + b1)      (n, k)
    ops::broadcast_row(c, u, p.b2);
    ops::gemm(c, u, z, t(p.F2), 1, 1);                         // u    = z F2' + b2            (n, k)
  }
  /// Adds to dh unless it is empty; slope becomes dz.
  void backward(auto& c, const auto& p, auto du, auto slope, auto dh) const {
    const auto scope = c.w.scope();
    auto through = c.temp(rows(slope), cols(slope));
    ops::gemm(c, through, du, p.F2);
    ops::multiply(c, slope, slope, through);  // dz = du F2 * z'           (n, k)
    if (!empty(dh)) ops::gemm(c, dh, slope, p.F1, 1, 1);       // dh  += dz F1
  }
  /// Adds to the tensors' gradients. z, du, dz (N, k) of all steps; h the last rows of what went in, the first being
  /// zero.
  void finish(auto& c, auto du, auto z, auto dz, auto h, auto& g) const {
    const Extent all = rows(dz);
    ops::gemm(c, g.F2, t(du), z, 1, 1);
    ops::add_column_sums(c, g.b2, du);
    ops::gemm(c, g.F1, t(slice(dz, all - rows(h), all)), h, 1, 1);
    ops::add_column_sums(c, g.b1, dz);
  }
};

}  // namespace peft
