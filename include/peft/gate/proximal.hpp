// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include <peft/concepts.hpp>
#include <peft/ops/optimizer.hpp>
#include <peft/ops/reduce.hpp>

namespace peft {

/// xi = lr lambda: the proximal step of the objective's lambda |g|_1 (SoRA, eq. 10).
struct ScaledByLr {
  double threshold(double strength, double lr) const { return strength * lr; }
};
/// xi given as it is, constant or raised by a schedule (SoRA, section 3.3 and Algorithm 1).
struct ConstantXi {
  double threshold(double strength, double) const { return strength; }
};

/// Proximal gate (SoRA, Ding et al., 2023):  h <- g * h on the rank axis; after each optimizer step g <- T_xi(g), the soft
/// threshold of eq. 11, which sets small gates to exactly zero. g ~ N(0, 1), as the authors' code; no weight decay.
template <class Xi>
struct ProximalGate {
  double strength = 10;  // lambda with ScaledByLr, xi with ConstantXi
  double deviation = 1;  // of the initial gates
  Xi xi{};

  template <class V>
  struct Params {
    V g;  // (1, r)
  };

  void declare(auto& fields, auto& p, Extent r) const {
    fields.vector("lora_g", p.g, r, normal(deviation), {.lr_factor = 1, .decays = false});
  }
  auto forward(auto& c, const auto& p, auto h) const {
    auto gated = c.temp(rows(h), cols(h));
    ops::scale_columns(c.w, gated, h, constant(p.g));          // g * h                 (n, r)
    return constant(gated);
  }
  void backward(auto& c, const auto& p, auto h, auto dh, auto& g) const {
    ops::add_column_dots(c.w, g.g, h, constant(dh));           // dg += sum_n h * dh    (1, r)
    ops::scale_columns(c.w, dh, constant(dh), constant(p.g));  // dh <- g * dh          (n, r)
  }
  void after_step(auto& c, auto& p, const StepInfo& step) const {
    ops::soft_threshold(c.w, p.g, xi.threshold(strength, step.lr));
  }
};

using Proximal = ProximalGate<ScaledByLr>;

}  // namespace peft
