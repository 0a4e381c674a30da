// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <type_traits>

#include <peft/delta/bottleneck.hpp>
#include <peft/gate/open.hpp>
#include <peft/gate/proximal.hpp>

namespace peft {

/// How the matrices of an adapter begin; biases begin at zero.
struct NearIdentity {  // Houlsby et al.: N(0, 0.01^2) cut at two deviations; their code takes 0.001
  double deviation = 1e-2;
  Init down(Extent) const { return truncated_normal(deviation); }
  Init up(Extent) const { return truncated_normal(deviation); }
};
struct BertNormal {  // AdapterHub
  Init down(Extent) const { return normal(0.02); }
  Init up(Extent) const { return normal(0.02); }
};
struct LikeLoRA {  // He et al.: nothing at first
  Init down(Extent in) const { return uniform(1 / std::sqrt(static_cast<double>(in))); }
  Init up(Extent) const { return zeros(); }
};

/// Adapter (Houlsby et al., 2019, section 2.1):  h <- h + U f(D h + b) + c.  f: GELU. Trains w (in + out) + w + out per
/// place; with w = 64, U and D near zero. A gate may act on its bottleneck. AdapterDrop (Rueckle et al., 2021) leaves
/// out the lower layers: `At<Attention, Ffn, Layers<5, 12>>`, or `layers` at run time.
template <int w, class F = ops::Gelu, class Start = NearIdentity, class G = Open, Route r = Route::post>
struct Adapter : Bottleneck<r, F, G> {
  static_assert(w > 0 || w == Dynamic, "peft::Adapter<w>: the width w must be positive, or Dynamic");
  using Places = std::conditional_t<r == Route::post, At<Attention | CrossAttention, Ffn>, At<Ffn>>;
  template <class H>
  using gated = Adapter<w, F, Start, H, r>;
  using Base = Bottleneck<r, F, G>;

  Start start{};

  Adapter() {
    if (w != Dynamic) this->width = w;
    if (r == Route::branch) this->scale = 4;
  }
  void declare(auto& fields, auto& p, const Module& m) const {
    const Extent in = this->in_of(m), n = this->width_of(m);
    fields.trained(cat(Base::down_name, ".weight"), p.down, n, in, start.down(in));
    fields.vector(cat(Base::down_name, ".bias"), p.down_bias, n);
    fields.trained(cat(Base::up_name, ".weight"), p.up, m.out, n, start.up(n));
    fields.vector(cat(Base::up_name, ".bias"), p.up_bias, m.out);
    this->gate.declare(fields, p, n);
  }
};

/// Parallel adapter (He et al., 2022, table 2 and section 4):  y += s (U relu(D x + b) + c),  x the input of the
/// feed-forward half. s = 4; D as LoRA's A, U = 0. Their best has w = 512.
template <int w>
using ParallelAdapter = Adapter<w, ops::Relu, LikeLoRA, Open, Route::branch>;

}  // namespace peft
