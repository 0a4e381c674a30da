// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/lora.hpp>
#include <peft/ops/rescale.hpp>

namespace peft {

/// What backward makes of the norm. `constant`: the paper's section 4.3, with which its experiments and PEFT train.
/// `differentiated`: the gradient of eq. 5 as it stands, so that A and B also learn through the norm.
enum class DoraNorm { constant, differentiated };

/// DoRA (Liu et al., 2024, eq. 5):  W = m (W0 + s B A) / |W0 + s B A|, a norm and a magnitude per row (output); m =
/// |W0| and B = 0 at first. As x W' is what the site already gives, W0 x and the branch are scaled where they are:
///   y <- (m / norm) (y - b + s B A drop(x)) + b.
/// Dropout acts on the branch alone (PEFT drops the input of W0 in this product, too). Branches listed before it are
/// scaled with the rest, those after it are not. Trains r (in + out) + out per matrix.
template <int r>
struct DoRA : LoRA<r> {
  using Base = LoRA<r>;
  using gated = void;  // a gate would have to enter the norm
  static constexpr bool rescales = true;

  DoraNorm norm = DoraNorm::constant;

  template <class V>
  struct Params : Base::template Params<V> {
    V m;            // (1, out) trained
    V norm, ratio;  // (1, out) derived: |W0 + s B A| by rows, m / norm
  };
  template <class V>
  struct Kept : Base::template Kept<V> {
    V z;  // (n, out)
  };

  void declare(auto& fields, auto& p, const Module& m) const {
    Base::declare(fields, p, m);
    fields.vector("lora_magnitude_vector", p.m, m.out, row_norms());
    fields.derived("norm", p.norm, 1, m.out);
    fields.derived("ratio", p.ratio, 1, m.out);
  }

  void prepare(auto& c, auto& all) const {
    for (std::size_t i = 0; i < all.modules.size(); ++i) {
      auto& p = all.modules[i];
      const auto scope = c.w.scope();
      ops::row_norms(c, p.norm, adapted(c, p, c.frozen[i].w));   // norm  = |W0 + s B A|   (1, out)
      ops::divide(c, p.ratio, p.m, p.norm);            // ratio = m / norm       (1, out)
    }
  }
  void finish(auto& c, auto& all, auto& grads) const {
    for (std::size_t i = 0; i < all.modules.size(); ++i) {
      auto &p = all.modules[i], &g = grads.modules[i];
      const auto scope = c.w.scope();
      decltype(p.A) W;
      if (norm == DoraNorm::differentiated) W = adapted(c, p, c.frozen[i].w);
      ops::magnitude_backward(c, g.m, W, g.ratio, p.ratio,
                              p.norm);  // dm += dratio / norm; dW
      if (empty(W)) continue;
      ops::gemm(c, g.B, W, t(p.A), p.scale, 1);                            // dB   += s dW A'        (out, r)
      ops::gemm(c, g.A, t(p.B), W, p.scale, 1);                            // dA   += s B' dW        (r, in)
    }
  }

  void forward(auto& c, const auto& p, auto x, auto y, auto& kept) const {
    kept.z = c.keep(rows(y), cols(y), "dora");
    Base::forward(c, p, x, y, kept);                                         // y  += s B A drop(x)    (n, out)
    ops::rescale(c, y, kept.z, p.ratio, c.frozen->b);            // z = y - b,  y <- ratio * z + b
  }
  void backward(auto& c, const auto& p, auto x, auto dy, const auto& kept, auto& g, auto dx) const {
    ops::scale_columns_backward(c, dy, dy, kept.z, p.ratio,
                                g.ratio);  // dratio += sum_n dy * z,
    Base::backward(c, p, x, dy, kept, g, dx);  // dy <- ratio * dy
  }

  /// W <- m (W + s B A) / |W + s B A|.
  void merge(auto& c, const auto& p, auto W) const {
    const auto scope = c.w.scope();
    Base::merge(c, p, W);
    auto ratio = c.temp(1, rows(W));
    ops::row_norms(c, ratio, W);
    ops::divide(c, ratio, p.m, ratio);
    ops::scale_rows(c, W, W, ratio);
  }

 private:
  /// W0 + s B A  (out, in)
  auto adapted(auto& c, const auto& p, auto frozen) const {
    auto W = c.temp(rows(p.B), cols(p.A));
    ops::copy(c, W, frozen);
    Base::merge(c, p, W);
    return W;
  }
};
template <int r>
inline constexpr bool is_lora<DoRA<r>> = true;

}  // namespace peft
