// SPDX-License-Identifier: Apache-2.0
// Pre and post on linear sites: (IA)3 scales keys, values and the input of the last feed-forward matrix.
#include "whole.hpp"

using namespace peft;

namespace {

template <Route r>
struct Scaled {
  static constexpr Route route = r;
  static constexpr Kind fits = Kind::linear | Kind::hidden | Kind::norm;
  template <class V>
  struct Params {
    V l;  // (1, in) before the site, (1, out) after it
  };
  template <class V>
  struct Kept {
    V h;
  };
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.vector("l", p.l, r == Route::pre ? m.in : m.out, constant_of(1));
  }
  void forward(auto& c, const auto& p, auto h, auto& kept) const {
    kept.h = c.keep(rows(h), cols(h));
    ops::copy(c.w, kept.h, constant(h));
    ops::scale_columns(c.w, h, constant(h), constant(p.l));
  }
  void backward(auto& c, const auto& p, auto dh, const auto& kept, auto& g) const {
    ops::add_column_dots(c.w, g.l, constant(kept.h), constant(dh));
    ops::scale_columns(c.w, dh, constant(dh), constant(p.l));
  }
};
using Before = Scaled<Route::pre>;
using After = Scaled<Route::post>;
static_assert(DeltaFor<Before, Site::ff_down> && DeltaFor<After, Site::ffn> && !DeltaFor<Before, Site::word_table>);

}  // namespace

TEST_CASE("toys: pre and post on linear sites") {
  whole::check_alone<Before>({}, {.shapes = {{7, 5, 5}, {1, 9, 9}, {18, 16, 16}}});
  whole::check_alone<After>();
  whole::check(Method<Delta<After, At<Key, Value>>, Delta<Before, At<FfnDown>>>{});
}

TEST_CASE("toys: post wherever there is an output, pre wherever there is an input") {
  whole::check(
      Method<Delta<After, At<Linear, Norm, Attention, Ffn, Layer, Pooler>>, Delta<Before, At<Linear, Layer, Pooler>>>{},
      {.deviation = 0.1});
}
