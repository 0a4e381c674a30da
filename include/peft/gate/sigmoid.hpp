// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/concepts.hpp>
#include <peft/ops/activation.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/reduce.hpp>

namespace peft {

/// Every number of a matrix as one column: what a scalar is multiplied with.
template <Matrix V>
V column(const V& v) {
  return V(v.data(), rows(v) * cols(v), 1);
}

/// One trained gate per module (after UniPELT, Mao et al., 2022):  h <- sigmoid(a) h.  a = 0 at first: half open.
/// UniPELT computes a from the module's input; here it is trained itself, one number per submodule and layer. On the
/// bottleneck of an adapter it scales all but the bias of the second matrix.
struct SigmoidGate {
  static constexpr bool scales = true;  // all ranks alike

  double initial = 0;  // a

  template <class V>
  struct Params {
    V logit;  // a  (1, 1)
  };

  void declare(auto& fields, auto& p, Extent = 0) const { fields.vector("gate", p.logit, 1, constant_of(initial)); }
  auto forward(auto& c, const auto& p, auto h) const {
    auto gated = c.temp(rows(h), cols(h));
    ops::scale_columns(c, column(gated), column(h), open(c, p, {}));  // s h                    (n, r)
    return constant(gated);
  }
  void backward(auto& c, const auto& p, auto h, auto dh, auto& g) const {
    auto slope = c.temp(1, 1), dots = c.temp(1, 1);
    const auto s = open(c, p, slope);
    ops::fill(c, dots, 0);
    ops::add_column_dots(c, dots, column(h), column(dh));
    ops::multiply(c, dots, dots, slope);
    ops::add(c, g.logit, dots);                                       // da += s (1 - s) h . dh
    ops::scale_columns(c, column(dh), column(dh), s);       // dh <- s dh             (n, r)
  }

 private:
  /// s = sigmoid(a); slope <- s (1 - s), unless empty.
  template <class P>
  auto open(auto& c, const P& p, decltype(p.logit) slope) const {
    auto s = c.temp(1, 1);
    ops::copy(c, s, p.logit);
    ops::activate(c, s, slope, ops::Sigmoid{});
    return s;
  }
};

}  // namespace peft
