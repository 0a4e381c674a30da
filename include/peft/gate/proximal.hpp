// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

#include <peft/concepts.hpp>
#include <peft/ops/optimizer.hpp>
#include <peft/ops/reduce.hpp>
#include <peft/ops/sparsity.hpp>

namespace peft {

// What shrinks the gates after an optimizer step. `standard` is the strength when none is given.

/// xi = lr lambda: the proximal step of the objective's lambda |g|_1 (SoRA, eq. 10). The strength is lambda; the
/// standard one makes the released scripts' first step, xi = 3e-4 at their rate of 8e-4. (Their "sparse_lambda" of 10
/// is another number, MeanPenalty's.)
struct ScaledByLr {
  static constexpr double standard = 0.375;
  void shrink(auto& c, auto g, double lambda, double lr) const { ops::soft_threshold(c.w, g, lr * lambda); }
};
/// xi given as it is, constant or raised by a schedule (SoRA, section 3.3 and Algorithm 1). The strength is xi.
struct ConstantXi {
  static constexpr double standard = 1e-4;
  void shrink(auto& c, auto g, double xi, double) const { ops::soft_threshold(c.w, g, xi); }
};
/// The released code's operator, xi given as it is: no soft threshold, for gates below 2 xi become zero and none
/// between 0 and xi are left. The strength is xi.
struct ReferenceXi {
  static constexpr double standard = 3e-4;
  void shrink(auto& c, auto g, double xi, double) const { ops::released_threshold(c.w, g, xi); }
};

// How the gates begin.

/// g ~ N(0, 1), as the released code.
struct Normal01 {
  Init operator()() const { return normal(1); }
};
/// g = 1: the branch begins as LoRA's.
struct Ones {
  Init operator()() const { return constant_of(1); }
};

// What is added to the loss.

/// Nothing: the proximal step is the penalty.
struct NoPenalty {
  double value(auto&, auto&) const { return 0; }
  void add_gradient(auto&, auto&, auto&) const {}
};
/// lambda mean |g| over the gates of the whole model: what the released code adds to the loss beside its shrinking.
struct MeanPenalty {
  double lambda = 10;

  double value(auto& c, auto& modules) const {
    double sum = 0;
    for (auto& p : modules) sum += ops::absolute_sum(c.w, constant(p.g));
    return lambda * sum / gates(modules);
  }
  void add_gradient(auto& c, auto& modules, auto& grads) const {
    for (std::size_t i = 0; i < modules.size(); ++i)
      ops::add_sign(c.w, grads[i].g, constant(modules[i].g), lambda / gates(modules));
  }

 private:
  static double gates(auto& modules) {
    double n = 0;
    for (auto& p : modules) n += cols(p.g);
    return n;
  }
};

/// Proximal gate (SoRA, Ding et al., 2023):  h <- g * h on the rank axis; after each optimizer step g <- T_xi(g), the
/// soft threshold of eq. 11, which sets small gates to exactly zero. No weight decay. Trains r numbers per bottleneck.
template <class Xi, class Start = Normal01, class Penalty = NoPenalty>
struct ProximalGate {
  static constexpr bool scales = true;

  double strength = Xi::standard;  // lambda with ScaledByLr, else xi; may be changed between steps
  [[no_unique_address]] Xi xi{};
  [[no_unique_address]] Start start{};
  [[no_unique_address]] Penalty extra{};

  /// What may be set by name.
  void each_setting(auto&& set) { set("sparsity", strength); }

  template <class V>
  struct Params {
    V g;  // (1, r)
  };

  void declare(auto& fields, auto& p, Extent r) const {
    fields.vector("lora_g", p.g, r, start(), {.lr_factor = 1, .decays = false});
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
  void after_step(auto& c, auto& p, const StepInfo& step) const { xi.shrink(c, p.g, strength, step.lr); }

  double penalty(auto& c, auto& modules) const { return extra.value(c, modules); }
  void regularise(auto& c, auto& modules, auto& grads) const { extra.add_gradient(c, modules, grads); }
};

using Proximal = ProximalGate<ScaledByLr>;

}  // namespace peft
