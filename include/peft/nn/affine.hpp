// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <string>

#include <peft/core/fields.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/reduce.hpp>

namespace peft::nn {

/// A linear layer of a delta that runs once per step (`prepare`), y = x W' + b; p.w (out, in), p.b (1, out). Begins as
/// torch.nn.Linear: both ~ U(+-1/sqrt(in)).
void declare_affine(auto& fields, const std::string& name, auto& p, Extent in, Extent out, bool zero = false) {
  const Init init = zero ? zeros() : uniform(1 / std::sqrt(static_cast<double>(in)));
  fields.source(name + ".weight", p.w, out, in, init);
  fields.vector(name + ".bias", p.b, out, init);
}

/// y (n, out) from x (n, in).
void affine(auto& c, const auto& p, auto x, auto y) {
  ops::broadcast_row(c.w, y, constant(p.b));
  ops::gemm(c.w, y, x, t(p.w), 1, 1);
}

/// Adds to the gradients g, and to dx unless it is empty.
void affine_backward(auto& c, const auto& p, auto x, auto dy, auto& g, auto dx) {
  ops::gemm(c.w, g.w, t(dy), x, 1, 1);
  ops::add_column_sums(c.w, g.b, constant(dy));
  ops::gemm(c.w, dx, dy, p.w, 1, 1);
}

}  // namespace peft::nn
