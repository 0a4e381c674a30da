// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/adapter.hpp>

namespace peft {

/// Pfeiffer's adapter as AdapterHub runs it (`SeqBnConfig`, "pfeiffer"): between the norm after the feed-forward and
/// that norm once more,
///   y = Norm(h + U relu(D Norm(h) + b) + c),   h = ff(a) + a.
/// N(0, 0.02^2), b and c zero; AdapterHub's width is d / 16 (`reduction`). Trains 2 w d + w + d per layer. Even with U
/// = 0 it is not the backbone: the norm acts twice. A layer whose norms come first has none there: `PfeifferAdapter` on
/// `At<Layer>` is the same then.
template <int w>
struct SeqBnAdapter : Adapter<w, ops::Relu, BertNormal, Open, Route::branch> {
  static constexpr Kind fits = Kind::norm;
  static constexpr bool between_norms = true;
  using Places = At<FfnNorm>;

  SeqBnAdapter() { this->scale = 1; }
  void declare(auto& fields, auto& p, const Module& m) const {
    require(!m.spec.pre_norm, "SeqBnAdapter on ", m.path,
            ": this backbone's norms come before their parts; take PfeifferAdapter on At<Layer>");
    const Extent n = this->width_of(m);
    fields.trained("adapter_down.weight", p.down, n, m.in, this->start.down(m.in));
    fields.vector("adapter_down.bias", p.down_bias, n);
    fields.trained("adapter_up.weight", p.up, m.out, n, this->start.up(n));
    fields.vector("adapter_up.bias", p.up_bias, m.out);
  }
};
template <int w>
using SeqBn = Method<Delta<SeqBnAdapter<w>>>;

}  // namespace peft
