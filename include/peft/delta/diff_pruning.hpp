// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include <peft/delta/gated_change.hpp>

namespace peft {

/// What diff pruning's penalty counts. expected: changed numbers (the paper), sum P(z_i > 0) P(z_group > 0). released:
/// open gates of both kinds (the authors' code), sum P(z_i > 0) + P(z_group > 0).
enum class OpenGates { expected, released };

/// Diff pruning (Guo et al., 2021):  theta = theta0 + z_group z * d,  penalty lambda E|z_group z|_0.  d = 0, every
/// alpha 5. A gate per number, with `structured` one more per tensor; gates are sampled in training. After `prune_at`
/// of the steps the largest `fraction` of |z_group z d| over the model stays, and is trained alone until the end.
/// Trains twice the numbers of the tensors it sits on, and with `structured` one per tensor.
struct DiffPruning : GatedChange {
  OpenGates counts = OpenGates::expected;
  double lambda = 1.25e-7;
  double fraction = 0.005;  // of all numbers
  double prune_at = 0.5;    // of all steps; 0: never
  std::function<void(std::int64_t kept, std::int64_t of)> on_prune{};

  /// What may be set by name.
  void each_setting(auto&& set) {
    set("structured", structured), set("lambda", lambda), set("fraction", fraction), set("prune-at", prune_at);
  }

  /// As the authors' code, but for the gates' learning rate, which theirs leaves out of the schedule: train with a
  /// constant one.
  static DiffPruning released() {
    DiffPruning d;
    d.counts = OpenGates::released;
    return d;
  }

  void prepare(auto& c, auto& all) const {  // theta = theta0 + z_group z d
    each(c, all, all, [&](auto& p, auto&, auto theta0, const auto& z, const auto& z_group) {
      ops::gated_sum(c, p.theta, theta0, p.d, p.alpha, p.group, z, z_group);
    });
  }
  void finish(auto& c, auto& all, auto& grads) const {  // dd += z_group z dtheta,  dalpha += z_group z' d dtheta, ...
    each(c, all, grads, [&](auto& p, auto& g, auto, const auto& z, const auto& z_group) {
      ops::gated_sum_backward(c, g.theta, p.d, p.alpha, p.group, z, z_group, g.d, g.alpha, g.group);
    });
  }
  double penalty(auto& c, auto& all) const {  // lambda sum P(z > 0)
    double sum = 0;
    each(c, all, all, [&](auto& p, auto&, auto, const auto&, const auto&) {
      sum += lambda * ops::expected_open(c, p.alpha, p.group, log_ratio(), joint());
    });
    return sum;
  }
  void regularise(auto& c, auto& all, auto& grads) const {
    each(c, all, grads, [&](auto& p, auto& g, auto, const auto&, const auto&) {
      ops::expected_open_backward(c, p.alpha, p.group, log_ratio(), joint(), lambda, g.alpha, g.group);
    });
  }
  void after_step(auto& c, auto& all, auto&, const StepInfo& step) const {
    if (prune_at > 0 && step.step == last_dense(step.total)) prune(c, all);
  }
  /// Once it is pruned.
  bool settled(std::int64_t step, std::int64_t total) const { return prune_at <= 0 || step >= last_dense(total); }

  /// Cuts the change to its largest `fraction` (equal ones all stay): d takes the gates' values in, gates open for what
  /// stays and shut for the rest, so far out that no sample moves them: what stays is trained alone, and a saved change
  /// knows its mask.
  void prune(auto& c, auto& all) const {
    using T = typename std::remove_cvref_t<decltype(all.modules[0].weight.d)>::non_const_value_type;
    std::vector<T> sizes;
    each_number(c, all, false, [&](T& d, T&, T z) { sizes.push_back(std::abs(z * d)); });
    const std::int64_t of = static_cast<std::int64_t>(sizes.size()),
                       most = std::min<std::int64_t>(std::llround(fraction * double(of)), of);
    T least = std::numeric_limits<T>::infinity();
    if (most > 0) {
      std::nth_element(sizes.begin(), sizes.begin() + most - 1, sizes.end(), std::greater<>());
      least = sizes[static_cast<std::size_t>(most - 1)];
    }
    std::int64_t kept = 0;
    each_number(c, all, true, [&](T& d, T& alpha, T z) {
      const bool stays = z * d != 0 && std::abs(z * d) >= least;
      d = stays ? z * d : T(0);
      alpha = static_cast<T>(stays ? ops::HardConcrete::far : -ops::HardConcrete::far);
      kept += stays;
    });
    if (on_prune) on_prune(kept, of);
  }

 private:
  double log_ratio() const { return std::log(-lower / upper); }
  std::int64_t last_dense(std::int64_t total) const { return std::llround(prune_at * static_cast<double>(total)); }
  bool joint() const { return counts == OpenGates::expected; }
};

}  // namespace peft
