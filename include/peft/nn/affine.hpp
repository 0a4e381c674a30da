// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <string>

#include <peft/core/fields.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/linear.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/reduce.hpp>

namespace peft::nn {

/// Where a method's own linear layer runs: on the rows of every group, or once per step in its `prepare`.
enum class Runs { in_groups, once_per_step };

/// A trained linear layer of a method, p.w (out, in), p.b (1, out). Begins as torch.nn.Linear, both ~ U(+-1/sqrt(in)),
/// or with `zero` as nothing.
void declare_affine(auto& fields, const std::string& name, auto& p, Extent in, Extent out, Runs runs,
                    bool zero = false) {
  const Init init = zero ? zeros() : uniform(1 / std::sqrt(static_cast<double>(in)));
  if (runs == Runs::in_groups)
    fields.trained(name + ".weight", p.w, out, in, init);
  else
    fields.source(name + ".weight", p.w, out, in, init);
  fields.vector(name + ".bias", p.b, out, init);
}

/// y (n, out) = x W' + b, from x (n, in).
void affine(auto& c, const auto& p, auto x, auto y) { ops::linear(c.w, y, x, p.w, p.b); }

/// dW += dy' x, db += dy summed over rows, dx = dy W + kept dx; dx may be empty: not wanted.
void affine_backward(auto& c, const auto& p, auto x, auto dy, auto& g, auto dx, double kept = 0) {
  ops::gemm(c.w, g.w, t(dy), x, 1, 1);
  ops::add_column_sums(c.w, g.b, constant(dy));
  if (!empty(dx)) ops::linear_backward(c.w, dx, dy, p.w, kept);
}

}  // namespace peft::nn
