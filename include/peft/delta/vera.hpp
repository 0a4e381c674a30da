// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <peft/drop.hpp>
#include <peft/method.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/rescale.hpp>

namespace peft {

/// VeRA (Kopiczko et al., 2024, eq. 2):  y += b * (B (d * (A drop(x)))). A (r, widest in) and B (widest out, r) are
/// random, frozen and shared by all modules, each of which sees its own columns of A and rows of B. d = 0.1, b = 0 at
/// first. A and B are uniform with deviation sqrt(2 / fan in), drawn from `seed` as PEFT draws them: files need not
/// hold them. Trains r + out per matrix.
struct VeRA {
  static constexpr Route route = Route::branch;
  static constexpr Kind fits = Kind::linear;
  static constexpr Keep keeps = Keep::input;
  using Places = At<Query | Value | CrossQuery | CrossValue | FusedQkv>;

  int rank = 256;
  double dropout = 0;
  double d = 0.1;          // the first value of every d
  std::uint64_t seed = 0;  // PEFT's projection_prng_key

  /// What may be set by name.
  void each_setting(auto&& set) { set("rank", rank), set("dropout", dropout), set("d", d); }

  template <class V>
  struct Shared {
    V A, B;  // (r, widest in)  (widest out, r)
  };
  template <class V>
  struct Params {
    V d, b;  // (1, r)  (1, out)
    V A, B;  // the shared ones
  };
  template <class V>
  struct Kept {
    V h, u;  // (n, r)  (n, out)
  };

  void declare_shared(auto& fields, auto& s, const auto&, const std::vector<Module>& modules) const {
    Extent in = 1, out = 1;
    for (const Module& m : modules) in = std::max(in, m.in), out = std::max(out, m.out);
    fields.state("vera_A", s.A, rank, in, torch_uniform(std::sqrt(6. / in), seed));
    fields.state("vera_B", s.B, out, rank,
                 torch_uniform(std::sqrt(6. / rank), seed, static_cast<std::uint64_t>(rank) * in));
  }
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.vector("vera_lambda_d", p.d, rank, constant_of(d));
    fields.vector("vera_lambda_b", p.b, m.out, zeros());
  }
  void share(auto& all) const {
    for (auto& p : all.modules) p.A = all.shared.A, p.B = all.shared.B;
  }

  void forward(auto& c, const auto& p, auto x, auto y, auto& kept) const {
    kept.h = c.keep(rows(x), rank, "vera");
    kept.u = c.keep(rows(x), cols(y), "vera");
    const auto scope = c.w.scope();
    auto scaled = c.temp(rows(x), rank);
    times_A(c, kept.h, drop(c, x, dropout), p, true);                            // h   = drop(x) A'      (n, r)
    ops::scale_columns(c, scaled, kept.h, p.d);
    ops::gemm(c, kept.u, scaled, t(slice(p.B, 0, cols(y))));             // u   = (d * h) B'      (n, out)
    ops::add_scaled_columns(c, y, kept.u, p.b);      // y  += b * u           (n, out)
  }
  void backward(auto& c, const auto& p, auto, auto dy, const auto& kept, auto& g, auto dx) const {
    const auto scope = c.w.scope();
    auto du = c.temp(rows(dy), cols(dy)), dh = c.temp(rows(dy), rank);
    ops::scale_columns_backward(c, du, dy, kept.u, p.b, g.b);  // db += sum_n dy * u,  du = b * dy
    ops::gemm(c, dh, du, slice(p.B, 0, cols(dy)));  // dh  = du B       (n, r)
    ops::scale_columns_backward(c, dh, dh, kept.h, p.d,
                                g.d);  // dd += sum_n dh * h,  dh <- d * dh
    if (!empty(dx))                                       // dx += drop(dh A)      (n, in)
      drop_backward(c, dx, dropout, [&](auto to, double beta) { times_A(c, to, dh, p, false, beta); });
  }

  /// W += diag(b) B diag(d) A.
  void merge(auto& c, const auto& p, auto W) const {
    const auto scope = c.w.scope();
    auto left = c.temp(rows(W), rank);
    ops::scale_columns(c, left, slice(p.B, 0, rows(W)), p.d);
    ops::scale_rows(c, left, left, p.b);
    times_A(c, W, left, p, false, 1);
  }

 private:
  /// to = beta to + left A, or left A'; of A the columns that the module sees.
  template <class V>
  void times_A(auto& c, V to, auto left, const auto& p, bool transposed, double beta = 0) const {
    using T = typename V::value_type;
    const ops::Operand<const T> A{p.A.data(), cols(p.A), transposed};
    ops::gemm(c, rows(to), cols(to), cols(left), T(1), ops::operand(left), A, static_cast<T>(beta),
              ops::Operand<T>{to.data(), cols(to)});
  }
};

}  // namespace peft
