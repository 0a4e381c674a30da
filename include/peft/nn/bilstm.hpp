// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <peft/core/fields.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/recurrent.hpp>
#include <peft/ops/reduce.hpp>

namespace peft::nn {

/// A stack of bidirectional LSTM layers over the rows of one sequence, shaped, named and initialised as torch.nn.LSTM:
///   [i f g o]_s = x_s W_ih' + b_ih + h_{s-1} W_hh' + b_hh,   y = [h forwards, h backwards].
struct BiLstm {
  Extent hidden = 0;  // h
  int layers = 2;

  template <class V>
  struct Direction {
    V w_ih, w_hh, b_ih, b_hh;  // (4h, in)  (4h, h)  (1, 4h) twice
  };
  template <class V>
  using Params = std::vector<std::array<Direction<V>, 2>>;  // per layer: forwards, backwards
  template <class V>
  struct Kept {
    V x, y;                     // (n, in)  (n, 2h)
    std::array<V, 2> gates, c;  // (n, 4h)  (n, h)
  };

  template <class V>
  void declare(auto& fields, const std::string& name, Params<V>& p, Extent in) const {
    const Init init = uniform(1 / std::sqrt(static_cast<double>(hidden)));
    p.resize(static_cast<std::size_t>(layers));
    for (int l = 0; l < layers; ++l)
      for (int back = 0; back < 2; ++back) {
        const std::string end = "_l" + std::to_string(l) + (back ? "_reverse" : "");
        auto& d = p[static_cast<std::size_t>(l)][static_cast<std::size_t>(back)];
        fields.source(name + ".weight_ih" + end, d.w_ih, 4 * hidden, l == 0 ? in : 2 * hidden, init);
        fields.source(name + ".weight_hh" + end, d.w_hh, 4 * hidden, hidden, init);
        fields.vector(name + ".bias_ih" + end, d.b_ih, 4 * hidden, init);
        fields.vector(name + ".bias_hh" + end, d.b_hh, 4 * hidden, init);
      }
  }

  /// Returns y (n, 2h) of the last layer; x (n, in) must live as long as `kept`.
  template <class V>
  V forward(auto& c, const Params<V>& p, V x, std::vector<Kept<V>>& kept) const {
    for (const auto& layer : p) {
      Kept<V>& k = kept.emplace_back(Kept<V>{x, c.temp(rows(x), 2 * hidden), {}, {}});
      for (std::size_t back = 0; back < 2; ++back) one(c, layer[back], k, back);
      x = k.y;
    }
    return x;
  }
  /// Adds to the gradients g and to dx (n, in). dy (n, 2h). Call once: gates give their memory to their gradients.
  template <class V>
  void backward(auto& c, const Params<V>& p, std::vector<Kept<V>>& kept, V dy, Params<V>& g, V dx) const {
    for (std::size_t l = p.size(); l-- > 0;) {
      V below = dx;
      if (l > 0) {
        below = c.temp(rows(dy), 2 * hidden);
        ops::fill(c.w, below, typename V::value_type(0));
      }
      for (std::size_t back = 0; back < 2; ++back) one_backward(c, p[l][back], kept[l], dy, g[l][back], below, back);
      dy = below;
    }
  }

 private:
  /// Row s of the half of y that a direction writes.
  template <class V>
  V half(const V& y, Extent s, std::size_t back) const {
    return V(y.data() + static_cast<std::ptrdiff_t>(2 * s + static_cast<Extent>(back)) * hidden, 1, hidden);
  }
  template <class V>
  static V row(const V& v, Extent s) {
    return slice(v, s, s + 1);
  }

  template <class V>
  void one(auto& c, const Direction<V>& p, Kept<V>& k, std::size_t back) const {
    const Extent n = rows(k.x);
    V &gates = k.gates[back] = c.temp(n, 4 * hidden), &cell = k.c[back] = c.temp(n, hidden);
    ops::broadcast_row(c.w, gates, constant(p.b_ih));
    ops::add_row(c.w, gates, constant(p.b_hh));
    ops::gemm(c.w, gates, k.x, t(p.w_ih), 1, 1);                                        // (n, 4h), all steps at once
    for (Extent i = 0; i < n; ++i) {
      const Extent s = back ? n - 1 - i : i, from = back ? s + 1 : s - 1;
      if (i > 0) ops::gemm(c.w, row(gates, s), half(k.y, from, back), t(p.w_hh), 1, 1);
      ops::lstm(c.w, row(gates, s), i > 0 ? constant(row(cell, from)) : decltype(constant(cell)){}, row(cell, s),
                half(k.y, s, back));
    }
  }
  template <class V>
  void one_backward(auto& c, const Direction<V>& p, Kept<V>& k, V dy, Direction<V>& g, V dx, std::size_t back) const {
    using T = typename V::value_type;
    using In = ops::Operand<const T>;
    const Extent n = rows(k.x);
    V gates = k.gates[back], dh = c.temp(1, hidden), dc = c.temp(1, hidden);
    ops::fill(c.w, dc, T(0));
    for (Extent i = n; i-- > 0;) {
      const Extent s = back ? n - 1 - i : i, from = back ? s + 1 : s - 1, after = back ? s - 1 : s + 1;
      ops::copy(c.w, dh, constant(half(dy, s, back)));
      if (i + 1 < n) ops::gemm(c.w, dh, row(gates, after), p.w_hh, 1, 1);               // dh_s += d[ifgo]_{s+1} W_hh
      ops::lstm_backward(c.w, row(gates, s), i > 0 ? constant(row(k.c[back], from)) : decltype(constant(dc)){},
                         constant(row(k.c[back], s)), constant(dh), dc);
    }
    // W_hh saw each step's h beside the next step's gates: rows of a half of y, 2h apart.
    const std::ptrdiff_t h = hidden;
    if (n > 1)
      ops::gemm(c.w, 4 * hidden, hidden, n - 1, T(1), In{gates.data() + (back ? 0 : 4 * h), 4 * h, true},
                In{k.y.data() + (back ? 3 * h : 0), 2 * h, false}, T(1), ops::Operand<T>{g.w_hh.data(), h, false});
    ops::gemm(c.w, g.w_ih, t(gates), k.x, 1, 1);                                        // dW_ih += d[ifgo]' x
    ops::add_column_sums(c.w, g.b_ih, constant(gates));
    ops::add_column_sums(c.w, g.b_hh, constant(gates));
    ops::gemm(c.w, dx, gates, p.w_ih, 1, 1);                                            // dx += d[ifgo] W_ih
  }
};

}  // namespace peft::nn
