// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/method.hpp>

namespace peft {

/// Full fine-tuning: the site's own tensors are trained, from the checkpoint's values.
struct Full {
  static constexpr Route route = Route::weight;
  static constexpr Kind fits = Kind::linear | Kind::norm | Kind::table | Kind::fixed;
  static constexpr Keep keeps = Keep::input;
  using Places = At<Everything>;

  template <class V>
  struct Params {
    V w, b;  // (out, in) (1, out); norms (1, d) each; tables (entries, d)
  };
  template <class V>
  struct Kept {};

  void declare(auto& fields, auto& p, const Module& m) const {
    const Kind kind = info(m.site).kind;
    // A table that words are read off with as well gets a dense gradient.
    if (kind == Kind::table && m.in_head) return fields.trained("weight", p.w, m.in, m.out, from_checkpoint());
    if (kind == Kind::table) return fields.table("weight", p.w, m.in, m.out, from_checkpoint());
    if (kind == Kind::norm)
      fields.vector("weight", p.w, m.out, from_checkpoint());
    else
      fields.trained("weight", p.w, m.out, m.in, from_checkpoint());
    if (m.bias) fields.vector("bias", p.b, m.out, from_checkpoint());
  }
  auto weights(const auto& p, auto frozen) const -> decltype(frozen) { return {p.w, p.b}; }
  auto gradient(auto& g) const { return Weights<std::remove_reference_t<decltype(g.w)>>{g.w, g.b}; }
};

}  // namespace peft
