// SPDX-License-Identifier: Apache-2.0
// Pre on a layer for some rows only: PASTA adds a trained vector to the hidden state of special tokens, here the first.
#include "whole.hpp"

using namespace peft;

namespace {

struct FirstToken {
  static constexpr Route route = Route::pre;
  static constexpr Kind fits = Kind::hidden;
  using Places = At<Layer>;
  template <class V>
  struct Params {
    V e;  // (1, d)
  };
  template <class V>
  struct Kept {};
  void declare(auto& fields, auto& p, const Module& m) const { fields.vector("special", p.e, m.in, normal(0.02)); }

  void forward(auto& c, const auto& p, auto h, auto&) const {
    const auto scope = c.w.scope();
    auto each = c.temp(c.batch->sequences, cols(h));
    ops::broadcast_row(c.w, each, constant(p.e));
    ops::add_to_rows(c.w, h, constant(each), c.batch->first);
  }
  void backward(auto& c, const auto&, auto dh, const auto&, auto& g) const {
    const auto scope = c.w.scope();
    auto each = c.temp(c.batch->sequences, cols(dh));
    ops::gather_rows(c.w, each, constant(dh), c.batch->first);
    ops::add_column_sums(c.w, g.e, constant(each));
  }
};

}  // namespace

TEST_CASE("toys: a vector added to special tokens before every layer") {
  whole::check_alone<FirstToken>();
  whole::check(Method<Delta<FirstToken>>{});
}
