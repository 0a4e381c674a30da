// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include <peft/core/transfer.hpp>
#include <peft/method.hpp>
#include <peft/ops/hard_concrete.hpp>
#include <peft/ops/stored.hpp>

namespace peft {

/// The tensors of a change of every weight of a site through hard concrete gates, theta = theta0 + z_group z d: which
/// there are, and walks over them. What the gates are for is the method's (diff pruning).
struct GatedChange {
  static constexpr Route route = Route::weight;
  static constexpr Kind fits = Kind::linear | Kind::norm | Kind::table | Kind::fixed;
  static constexpr Keep keeps = Keep::input;
  using Places = At<Everything>;

  bool structured = true;            // a gate more for each tensor as a whole
  double lower = -1.5, upper = 1.5;  // of the stretched gates
  double initial = 5;                // alpha of every gate: open
  double gate_lr_factor = 1e4;       // of alphas: 0.1 beside 1e-5

  template <class V>
  struct Change {
    V d, alpha, group, theta;  // (rows, cols) each; group: alpha of the tensor's gate (1, 1), or empty
  };
  template <class V>
  struct Params {
    Change<V> weight, bias;
  };
  template <class V>
  struct Kept {};

  void declare(auto& fields, auto& p, const Module& m) const {
    const Kind kind = info(m.site).kind;
    const bool table = kind == Kind::table, norm = kind == Kind::norm;
    // A table that words are read off with as well gets a dense gradient.
    list(fields, "weight", p.weight,
         norm    ? 1
         : table ? m.in
                 : m.out,
         table || norm ? m.out : m.in, table && !m.in_head, !norm);
    if (m.bias) list(fields, "bias", p.bias, 1, m.out, false, false);
  }
  void settings(auto&& says) const { says("lower", lower), says("upper", upper); }
  auto weights(const auto& p, auto frozen) const -> decltype(frozen) { return {p.weight.theta, p.bias.theta}; }
  auto gradient(auto& g) const {
    return Weights<std::remove_reference_t<decltype(g.weight.theta)>>{g.weight.theta, g.bias.theta};
  }

 protected:
  /// f(tensor, its gradients, the frozen tensor, its gates, the gate of it all) for every tensor.
  void each(auto& c, auto& all, auto& grads, const auto& f) const {
    using Frozen = std::remove_cvref_t<decltype(c.frozen->b)>;
    for (std::size_t m = 0; m < all.modules.size(); ++m) {
      const auto one = [&](std::uint64_t salt, auto& p, auto& g, const Stored<Frozen>& theta0) {
        const ops::HardConcrete gate{lower, upper, c.training ? ops::HardConcrete::sampled : 0.5,
                                     rng::combine(c.seed, 4 * m + salt)};
        if (empty(p.d)) return;
        const auto scope = c.w.scope();
        f(p, g, ops::as_numbers(c.w, theta0), gate, gate.with(1));
      };
      one(0, all.modules[m].weight, grads.modules[m].weight, c.frozen[m].w);
      one(1, all.modules[m].bias, grads.modules[m].bias, c.frozen[m].b);
    }
  }
  /// f(d, alpha, z_group z without a sample) for every number, on the host; `write`: what f changes is kept, z_group =
  /// 1.
  void each_number(auto& c, auto& all, bool write, const auto& f) const {
    each(c, all, all, [&](auto& p, auto&, auto, const auto& gate, const auto&) {
      using T = typename std::remove_cvref_t<decltype(p.d)>::non_const_value_type;
      std::vector<T> d(p.d.size()), alpha(d.size()), group(p.group.size());
      download(c.w.exec, d.data(), static_cast<const T*>(p.d.data()), d.size());
      download(c.w.exec, alpha.data(), static_cast<const T*>(p.alpha.data()), d.size());
      download(c.w.exec, group.data(), static_cast<const T*>(p.group.data()), group.size());
      const T outer = group.empty() ? T(1) : gate.middle(group[0]);
      for (std::size_t i = 0; i < d.size(); ++i) f(d[i], alpha[i], outer * gate.middle(alpha[i]));
      if (!write) return;
      if (!group.empty()) group[0] = static_cast<T>(gate.far);
      upload(c.w.exec, p.d.data(), d.data(), d.size());
      upload(c.w.exec, p.alpha.data(), alpha.data(), d.size());
      upload(c.w.exec, p.group.data(), group.data(), group.size());
    });
  }

 private:
  void list(auto& fields, const std::string& tensor, auto& p, Extent rows, Extent cols, bool table, bool decays) const {
    const Group gates{gate_lr_factor, false};
    fields.source(tensor + ".diff", p.d, rows, cols, zeros(), {1, decays});
    fields.source(tensor + ".alpha", p.alpha, rows, cols, constant_of(initial), gates);
    if (structured) fields.source(tensor + ".alpha_group", p.group, 1, 1, constant_of(initial), gates);
    fields.derived(tensor + ".theta", p.theta, rows, cols, table);
  }
};

}  // namespace peft
