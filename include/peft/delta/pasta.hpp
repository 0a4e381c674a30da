// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include <peft/drop.hpp>
#include <peft/method.hpp>
#include <peft/ops/slots.hpp>

namespace peft {

/// Which special tokens PASTA adapts: each with a vector of its own, or all with the same one.
enum class Specials { each, no_class, no_separators, shared };

/// PASTA (Yang et al., 2022):  h_i += e_p  before every layer (so on its residual path too), where token i is the p-th
/// special token of its sequence (BERT: [CLS] 0, the first [SEP] 1, the second 2).  e ~ N(0, 0.02^2).  Trains specials
/// x width per layer.
struct Pasta {
  static constexpr Route route = Route::pre;
  static constexpr Kind fits = Kind::hidden;
  static constexpr Need needs = Need::special_tokens;
  using Places = At<Layer>;

  int specials = 3;  // of the sequence that has most; BERT: 2 around a sentence, 3 around a pair
  Specials adapted = Specials::each;
  double dropout = 0;  // of the vectors, drawn anew for every token

  /// What may be set by name.
  void each_setting(auto&& set) { set("specials", specials), set("dropout", dropout); }

  /// As the released code, which drops elements of the added vectors; the paper does not.
  static Pasta released(int specials, double hidden_dropout = 0.1) {
    return {specials, Specials::each, hidden_dropout};
  }

  template <class V>
  struct Params {
    V e;  // (vectors, d)
  };
  template <class V>
  struct Kept {};

  /// How many vectors a layer has.
  int vectors() const {
    if (adapted == Specials::each) return specials;
    return adapted == Specials::no_class ? std::max(specials - 1, 1) : 1;
  }
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.trained("special_tokens.weight", p.e, vectors(), m.in, normal(0.02));
  }

  void settings(auto&& says) const { says("specials", specials), says("adapted", static_cast<int>(adapted)); }

  void forward(auto& c, const auto& p, auto h, auto&) const {
    require(c.batch->slots <= specials, "peft::Pasta: a sequence has ", c.batch->slots,
            " special tokens, but specials = ", specials);
    ops::add_slots(c, h, p.e, c.batch->slot, named(), drop_mask(c, dropout));  // h_i += drop(e_p)         (n, d)
  }
  void backward(auto& c, const auto&, auto dh, const auto&, auto& g) const {
    ops::add_slots_backward(c, g.e, dh, c.batch->slot, named(), drop_mask(c, dropout));  // de_p += sum_i drop(dh_i)
  }

 private:
  ops::SlotRows named() const { return {adapted == Specials::no_class, adapted == Specials::shared, vectors()}; }
};

}  // namespace peft
