// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstddef>

#include <peft/ops/gemm.hpp>
#include <peft/ops/orthogonal.hpp>
#include <peft/ops/reduce.hpp>

namespace peft {

/// A penalty on the defects D = A A' - I and B' B - I of the factors of every B A: w sum f(D), f the policy's `value`.
template <class Policy>
struct DefectPenalty {
  double penalty(auto& c, auto& modules) const {
    double sum = 0;
    for (auto& p : modules) {
      const auto scope = c.w.scope();
      auto D = c.temp(rows(p.A), rows(p.A));
      ops::defect(c, D, p.A, t(p.A));
      sum += self().value(c, D);
      ops::defect(c, D, t(p.B), p.B);
      sum += self().value(c, D);
    }
    return self().weight(2 * modules.size()) * sum;
  }
  /// df(D) = <F, dD>, F symmetric:  dA += 2 w F A,  dB += 2 w B F.  `slope` turns D into a multiple of F and returns 1
  /// / that.
  void regularise(auto& c, auto& modules, auto& grads) const {
    const double w = 2 * self().weight(2 * modules.size());
    for (std::size_t i = 0; i < modules.size(); ++i) {
      const auto scope = c.w.scope();
      auto& p = modules[i];
      auto D = c.temp(rows(p.A), rows(p.A));
      ops::defect(c, D, p.A, t(p.A));  // D   = A A' - I        (r, r)
      const double f = self().slope(c, D);
      ops::gemm(c, grads[i].A, D, p.A, w * f, 1);  // dA += 2 w F A         (r, in)
      ops::defect(c, D, t(p.B), p.B);  // D   = B' B - I        (r, r)
      self().slope(c, D);
      ops::gemm(c, grads[i].B, p.B, D, w * f, 1);  // dB += 2 w B F         (out, r)
    }
  }

 private:
  const Policy& self() const { return static_cast<const Policy&>(*this); }
};

/// gamma sum |D|_F^2 (AdaLoRA, eq. 4).
struct SquaredOrthogonality : DefectPenalty<SquaredOrthogonality> {
  double gamma = 0.1;
  double weight(std::size_t) const { return gamma; }
  double value(auto& c, auto D) const { return ops::squared_norm(c, D); }
  double slope(auto&, auto) const { return 2; }  // F = 2 D
};
/// gamma mean |D|_F, not squared, over all defects: AdaLoRA's released code, and PEFT.
struct MeanOrthogonality : DefectPenalty<MeanOrthogonality> {
  double gamma = 0.5;
  double weight(std::size_t defects) const { return gamma / static_cast<double>(defects); }
  double value(auto& c, auto D) const { return std::sqrt(ops::squared_norm(c, D)); }
  double slope(auto& c, auto D) const { return ops::to_unit_norm(c, D), 1; }  // F = D / |D|_F
};

}  // namespace peft
