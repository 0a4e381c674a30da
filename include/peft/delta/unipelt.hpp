// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/lora.hpp>
#include <peft/delta/pfeiffer.hpp>
#include <peft/delta/prefix.hpp>
#include <peft/gate/sigmoid.hpp>

namespace peft {

/// A prefix behind a trained gate:  K <- s K, V <- s V,  s = sigmoid(a), one a per layer. Trains L more than the
/// prefix.
struct GatedPrefix : Prefix {
  SigmoidGate gate{};

  template <class V>
  struct Params : Prefix::Params<V>, SigmoidGate::Params<V> {
    V open_k, open_v;  // (n, d) twice
  };

  void declare(auto& fields, auto& p, const Module& m) const {
    Prefix::declare(fields, p, m);
    gate.declare(fields, p);
    fields.derived("open.key", p.open_k, length, m.out);
    fields.derived("open.value", p.open_v, length, m.out);
  }
  template <class P>
  auto keys_values(P& p) const {
    return KeysValues<decltype(p.k)>{p.open_k, p.open_v};
  }
  void prepare(auto& c, auto& all) const {
    Prefix::prepare(c, all);
    for (auto& p : all.modules) {
      const auto scope = c.w.scope();
      ops::copy(c, p.open_k, gate.forward(c, p, p.k));
      ops::copy(c, p.open_v, gate.forward(c, p, p.v));
    }
  }
  void finish(auto& c, auto& all, auto& grads) const {
    for (std::size_t i = 0; i < all.modules.size(); ++i) {
      auto &p = all.modules[i], &g = grads.modules[i];
      const auto scope = c.w.scope();
      gate.backward(c, p, p.k, g.open_k, g);
      gate.backward(c, p, p.v, g.open_v, g);
      ops::add(c, g.k, g.open_k);
      ops::add(c, g.v, g.open_v);
    }
    Prefix::finish(c, all, grads);
  }
};

/// After UniPELT (Mao et al., 2022): prefix, LoRA and adapter at once, each behind a gate of its own in every layer.
/// r = 8, w = 48, n = 10 by its authors.
template <int r = 8, int w = 48>
using UniPELT = Method<Delta<GatedPrefix>, Delta<LoRA<r>>, Delta<PfeifferAdapter<w>, At<Ffn>>, Gate<SigmoidGate>>;

}  // namespace peft
