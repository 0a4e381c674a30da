// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/bias.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/reduce.hpp>

namespace peft {

/// A bias of its own for every linear map and norm of the backbone that has none:  y <- y + b,  b = 0 at first. With it
/// BitFit runs on T5 and Llama, as it is compared there (READ; OpenDelta's BitFit, whose biases begin at random).
/// Trains `out` per linear map and d per norm: of a Llama layer 5 d + 2 kv + 2 d_ff, kv the width of its keys, and d of
/// the last norm.
struct AddedBias {
  static constexpr Route route = Route::post;
  static constexpr Kind fits = Kind::linear | Kind::norm;
  static constexpr bool added_biases = true;
  using Places = Bias::Places;

  template <class V>
  struct Params {
    V b;  // (1, out)
  };
  template <class V>
  struct Kept {};

  bool attaches(const Module& m) const { return !m.bias; }
  void declare(auto& fields, auto& p, const Module& m) const { fields.vector("added_bias", p.b, m.out); }
  void forward(auto& c, const auto& p, auto h, auto&) const { ops::add_row(c, h, p.b); }
  void backward(auto& c, const auto&, auto dh, const auto&, auto& g) const {
    ops::add_column_sums(c, g.b, dh);
  }  // db += sum_n dh
};

/// BitFit on any backbone: its biases where it has some, added ones where it has none.
using BitFit = Method<Delta<Bias>, Delta<AddedBias>>;

}  // namespace peft
