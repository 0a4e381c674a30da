// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <peft/core/transfer.hpp>
#include <peft/delta/lora.hpp>
#include <peft/delta/orthogonality.hpp>
#include <peft/gate/singular_values.hpp>
#include <peft/ops/importance.hpp>

namespace peft {

/// AdaLoRA (Zhang et al., 2023):  y += s P (e * (Q drop(x))),  s = alpha / (rank + 1e-5), where P is B, Q is A and e
/// the gates g of a LoRA. P, Q ~ N(0, 0.02^2), e = 0. A penalty keeps P and Q orthogonal; after each optimizer step the
/// least important triplets of the whole model have their e set to zero, down to a budget that falls as a cubic from
/// `rank` to `target` per matrix. s stays that of the first rank. Ranks as PEFT's; its tinit = tfinal = 0 would prune
/// to the last step, so that what is left never trains alone. The importance is that of the released code: values after
/// the step, gradient before it. `start` has no meaning here. Trains rank (in + out + 1) per matrix; a triplet that
/// stays costs in + out.
template <class Orthogonality = SquaredOrthogonality>
struct AdaLoRA : LoRA<Dynamic, SingularValues> {
  using Places = At<Linear>;
  using gated = void;  // it has its gate
  AdaLoRA() { rank = 12; }

  int target = 8;  // mean rank at the end
  double tinit = 0.1, tfinal = 0.3;  // steps before the budget falls, and after it has: below 1 a fraction of all
  int every = 1;  // steps between two prunings
  double beta1 = 0.85, beta2 = 0.85;
  Orthogonality orthogonality{};

  template <class V>
  struct Params : SingularValues::Params<V> {  // e (1, r)
    V A, B;  // Q (r, in), P (out, r)
    double scale = 0;
    V mean_A, mean_B, mean_g, spread_A, spread_B, spread_g;  // state, shaped as A, B and g
  };

  double scale_of(const Module& m) const {
    return alpha_of(m) / ((scaling == LoraScale::rank ? rank_of(m) : std::sqrt(double(rank_of(m)))) + 1e-5);
  }
  void declare(auto& fields, auto& p, const Module& m) const {
    const int r = rank_of(m);
    fields.trained("lora_A", p.A, r, m.in, normal(0.02));
    fields.trained("lora_B", p.B, m.out, r, normal(0.02), {.lr_factor = b_rate, .decays = true});
    gate.declare(fields, p, r);
    fields.state("mean_A", p.mean_A, r, m.in), fields.state("spread_A", p.spread_A, r, m.in);
    fields.state("mean_B", p.mean_B, m.out, r), fields.state("spread_B", p.spread_B, m.out, r);
    fields.state("mean_E", p.mean_g, 1, r), fields.state("spread_E", p.spread_g, 1, r);
    p.scale = scale_of(m);
  }

  double penalty(auto& c, auto& all) const { return orthogonality.penalty(c, all.modules); }
  void regularise(auto& c, auto& all, auto& grads) const { orthogonality.regularise(c, all.modules, grads.modules); }

  /// Triplets of the whole model that may stay after step t, of `first` at the beginning (eq. 13).
  std::int64_t budget(std::int64_t t, std::int64_t total, std::int64_t first, std::int64_t matrices) const {
    const std::int64_t begin = steps(tinit, total), end = total - steps(tfinal, total), last = target * matrices;
    require(begin < end, "AdaLoRA: tinit = ", tinit, " and tfinal = ", tfinal, " leave no step of ", total,
            " to prune in");
    require(every >= 1, "AdaLoRA: every = ", every, ": expected 1 or more steps");
    require(target > 0 && last <= first, "AdaLoRA: a target rank of ", target, " and a first rank of ", rank);
    if (t <= begin) return first;
    if (t >= end) return last;
    const double left = 1 - static_cast<double>(t - begin) / static_cast<double>(end - begin);
    return static_cast<std::int64_t>(static_cast<double>(first - last) * left * left * left +
                                     static_cast<double>(last));
  }

  /// Once the last budget is met.
  bool settled(std::int64_t step, std::int64_t total) const { return step >= total - steps(tfinal, total); }

  void after_step(auto& c, auto& all, auto& grads, const StepInfo& step) const {
    const std::int64_t end = step.total - steps(tfinal, step.total);
    std::int64_t triplets = 0;
    for (auto& p : all.modules) triplets += cols(p.g);
    const std::int64_t cut =
        triplets - budget(step.step, step.total, triplets, static_cast<std::int64_t>(all.modules.size()));
    if (step.step < end)
      for (std::size_t i = 0; i < all.modules.size(); ++i) {
        auto &p = all.modules[i], &g = grads.modules[i];
        const auto update = [&](auto mean, auto spread, auto value, auto gradient) {
          ops::sensitivity(c, mean, spread, value, gradient, beta1, beta2, step.gradient_scale);
        };
        update(p.mean_A, p.spread_A, p.A, g.A);
        update(p.mean_B, p.spread_B, p.B, g.B);
        update(p.mean_g, p.spread_g, p.g, g.g);
      }
    if (cut > 0 && (step.step >= end || step.step % every == 0)) prune(c, all, triplets, cut);
  }

 private:
  static std::int64_t steps(double given, std::int64_t total) {
    return static_cast<std::int64_t>(given < 1 ? given * static_cast<double>(total) : given);
  }
  /// e = 0 for the `cut` least important triplets, and those as important as the last of them.
  void prune(auto& c, auto& all, std::int64_t triplets, std::int64_t cut) const {
    auto scores = c.temp(1, static_cast<Extent>(triplets));
    using S = decltype(scores);
    using T = typename S::value_type;
    const auto each = [&](auto&& f) {
      std::int64_t at = 0;
      for (auto& p : all.modules) {
        f(p, S(scores.data() + at, 1, cols(p.g)));
        at += cols(p.g);
      }
    };
    each([&](auto& p, auto s) {
      ops::triplet_scores(c, s, p.mean_g, p.spread_g, p.mean_A, p.spread_A, p.mean_B, p.spread_B);
    });
    c.w.fence();
    std::vector<T> sorted =
        downloaded<typename S::execution_space>(static_cast<const T*>(scores.data()), scores.size());
    for (T& x : sorted) x = x == x ? x : std::numeric_limits<T>::infinity();  // what is no number stays, to be seen
    std::nth_element(sorted.begin(), sorted.begin() + (cut - 1), sorted.end());
    const T threshold = sorted[static_cast<std::size_t>(cut - 1)];
    each([&](auto& p, auto s) { ops::clear_up_to(c, p.g, s, threshold); });
    c.w.fence();
  }
};

/// With the released code's penalty, as in PEFT.
using ReferenceAdaLoRA = AdaLoRA<MeanOrthogonality>;

template <class Orthogonality>
inline constexpr bool is_lora<AdaLoRA<Orthogonality>> = true;

}  // namespace peft
