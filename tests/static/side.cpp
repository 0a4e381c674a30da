// SPDX-License-Identifier: Apache-2.0
// Side networks: READ's recurrence over depth, which needs no backward through the backbone, and a ladder that mixes
// tokens.
#include "whole.hpp"

#include <peft/delta/lora.hpp>
#include <peft/ops/activation.hpp>
#include <peft/ops/select.hpp>

using namespace peft;

namespace {

/// h_l = tanh(x_l H' + h_{l-1} U'), h_0 = 0; the last rows += h_N O'.
struct Read {
  static constexpr Route route = Route::side;
  static constexpr Kind fits = Kind::side;
  int width = 4;
  template <class V>
  struct Params {
    V H, U, O;  // (k, d) (k, k) (d, k)
  };
  template <class V>
  struct Kept {
    V x, h, slope;  // (layers n, d), (layers n, k) twice
    int layers = 0;
  };
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.trained("H", p.H, width, m.in, uniform(0.3));
    fields.trained("U", p.U, width, width, uniform(0.5));
    fields.trained("O", p.O, m.in, width);
  }
  void begin(auto&, const auto&, auto& kept, int layers) const { kept.layers = layers; }
  void tap(auto& c, const auto& p, auto& kept, int layer, auto x) const {
    const Extent n = rows(x);
    if (layer < 0) {
      kept.x = c.keep(kept.layers * n, cols(x));
      kept.h = c.keep(kept.layers * n, width);
      kept.slope = c.keep(kept.layers * n, width);
      return;
    }
    auto h = at(kept.h, layer, n);
    ops::copy(c.w, at(kept.x, layer, n), x);
    ops::gemm(c.w, h, x, t(p.H));
    if (layer > 0) ops::gemm(c.w, h, at(kept.h, layer - 1, n), t(p.U), 1, 1);
    ops::activate(c.w, h, at(kept.slope, layer, n), ops::Tanh{});
  }
  void correct(auto& c, const auto& p, auto& kept, auto last) const {
    ops::gemm(c.w, last, at(kept.h, kept.layers - 1, rows(last)), t(p.O), 1, 1);
  }
  void backward(auto& c, const auto& p, auto& kept, auto dlast, auto& g) const {
    const auto scope = c.w.scope();
    const Extent n = rows(dlast);
    auto dh = c.temp(n, width), da = c.temp(n, width);
    ops::gemm(c.w, g.O, t(dlast), at(kept.h, kept.layers - 1, n), 1, 1);
    ops::gemm(c.w, dh, dlast, p.O);
    for (int layer = kept.layers - 1; layer >= 0; --layer) {
      ops::multiply(c.w, da, constant(dh), constant(at(kept.slope, layer, n)));
      ops::gemm(c.w, g.H, t(da), at(kept.x, layer, n), 1, 1);
      if (layer > 0) ops::gemm(c.w, g.U, t(da), at(kept.h, layer - 1, n), 1, 1);
      ops::gemm(c.w, dh, da, p.U);
    }
  }

 private:
  template <class V>
  static V at(const V& block, int layer, Extent n) {
    return slice(block, layer * n, (layer + 1) * n);
  }
};
static_assert(DeltaFor<Read, Site::side> && !DeltaFor<Read, Site::layer>);

/// s_{-1} = x_{-1} D', s_l = tanh(x_l D' + mean of s_{l-1} over the sequence): tokens are mixed, so it sees all of
/// them.
struct Ladder {
  static constexpr Route route = Route::side;
  static constexpr Kind fits = Kind::side;
  static constexpr bool taps_all_rows = true;
  int width = 3;
  template <class V>
  struct Params {
    V D, O;  // (k, d) (d, k)
  };
  template <class V>
  struct Kept {
    V x, s, slope;
    int layers = 0;
  };
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.trained("D", p.D, width, m.in, uniform(0.3));
    fields.trained("O", p.O, m.in, width, uniform(0.3));
  }
  void begin(auto&, const auto&, auto& kept, int layers) const { kept.layers = layers; }
  void tap(auto& c, const auto& p, auto& kept, int layer, auto x) const {
    const Extent n = rows(x);
    if (layer < 0) {
      kept.x = c.keep((kept.layers + 1) * n, cols(x));
      kept.s = c.keep((kept.layers + 1) * n, width);
      kept.slope = c.keep((kept.layers + 1) * n, width);
    }
    auto s = at(kept.s, layer, n);
    ops::copy(c.w, at(kept.x, layer, n), x);
    ops::gemm(c.w, s, x, t(p.D));
    if (layer < 0) return;
    mix(c, at(kept.s, layer - 1, n), s);
    ops::activate(c.w, s, at(kept.slope, layer, n), ops::Tanh{});
  }
  void correct(auto& c, const auto& p, auto& kept, auto last) const {
    const auto scope = c.w.scope();
    ops::gemm(c.w, last, final(c, kept, rows(last)), t(p.O), 1, 1);
  }
  void backward(auto& c, const auto& p, auto& kept, auto dlast, auto& g) const {
    const auto scope = c.w.scope();
    const Extent n = c.batch->tokens;
    auto read = final(c, kept, rows(dlast));
    ops::gemm(c.w, g.O, t(dlast), read, 1, 1);
    auto dread = c.temp(rows(dlast), width), ds = c.temp(n, width), da = c.temp(n, width);
    ops::gemm(c.w, dread, dlast, p.O);
    ops::fill(c.w, ds, 0.);
    if (rows(dlast) == n)
      ops::copy(c.w, ds, constant(dread));
    else
      ops::add_to_rows(c.w, ds, constant(dread), c.batch->first);
    for (int layer = kept.layers - 1; layer >= 0; --layer) {
      ops::multiply(c.w, da, constant(ds), constant(at(kept.slope, layer, n)));
      ops::gemm(c.w, g.D, t(da), at(kept.x, layer, n), 1, 1);
      ops::fill(c.w, ds, 0.);
      mix(c, da, ds);
    }
    ops::gemm(c.w, g.D, t(ds), at(kept.x, -1, n), 1, 1);
  }

 private:
  template <class V>
  static V at(const V& block, int layer, Extent n) {
    return slice(block, (layer + 1) * n, (layer + 2) * n);
  }
  /// y += the mean of x over its sequence; its own backward.
  static void mix(auto& c, auto x, auto y) {
    const auto scope = c.w.scope();
    auto mean = c.temp(c.batch->sequences, cols(x)), spread = c.temp(rows(x), cols(x));
    ops::segment_mean(c.w, mean, constant(x), c.batch->offsets);
    ops::gather_rows(c.w, spread, constant(mean), c.batch->segment);
    ops::add(c.w, y, constant(spread));
  }
  /// The last rows of the ladder that correspond to those that the task reads.
  auto final(auto& c, auto& kept, Extent n) const {
    auto all = at(kept.s, kept.layers - 1, c.batch->tokens);
    if (n == c.batch->tokens) return all;
    auto first = c.temp(n, width);
    ops::gather_rows(c.w, first, constant(all), c.batch->first);
    return first;
  }
};

using ReadMethod = Method<SideNet<Read>>;
using ReadPass = Pass<Bert<double>, ReadMethod>;
static_assert(!Lane<Model<Bert<double>, ReadMethod>>::crosses, "READ needs no gradient of the backbone");
static_assert(Lane<Model<Bert<double>, Method<Delta<LoRA<2>>>>>::crosses);

}  // namespace

/// The backbone's backward is not even compiled: whoever names it here does not compile.
template <>
void peft::nn::Block<ReadPass::Call>::backward(const ReadPass::Call&, const nn::Shape&, Mat<double>,
                                               Mat<double>) = delete;

TEST_CASE("toys: a recurrence over depth beside the backbone") {
  whole::check_alone<Read>();
  whole::check(ReadMethod{});
  whole::check<ClassifyMean>(ReadMethod{}, {.labels = 1});
}

TEST_CASE("toys: a side net takes no stash of the backbone") {
  const auto bytes = [](auto method, int layers) {
    using M = Model<Bert<double>, decltype(method)>;
    M model(tiny::bert({12, 2, layers, 20}), method, {3});
    return Engine<M>(model, 1).plan(8, 30, true);
  };
  const auto head = bytes(Method<>{}, 12) - bytes(Method<>{}, 2),
             side = bytes(ReadMethod{}, 12) - bytes(ReadMethod{}, 2);
  CHECK(head == 0);
  // Ten more layers: the taps of eight first rows each, in whole blocks of 64 bytes.
  CHECK(side == 10 * 8 * (12 + 4 + 4) * sizeof(double));
}

TEST_CASE("toys: a ladder that sees every token") {
  whole::check_alone<Ladder>();
  whole::check(Method<SideNet<Ladder>>{}, {.labels = 1});
}

TEST_CASE("toys: a side net beside a delta on the pooler") {
  whole::check(Method<Delta<LoRA<1>, At<Pooler>>, SideNet<Ladder>, SideNet<Read>>{});
}
