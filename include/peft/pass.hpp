// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tuple>
#include <vector>

#include <peft/frozen.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/reduce.hpp>

namespace peft {

/// What backward needs of a method, per delta and module: views into the worker's workspace.
template <class M, class V>
struct KeptOf;
template <class... P, class V>
struct KeptOf<Method<P...>, V> {
  std::tuple<std::vector<typename P::type::template Kept<V>>...> all;
};

/// One worker's way through a backbone with a method attached: the hooks that a block calls around each of its sites.
/// With no delta on a site, every hook is empty and `linear` is the product alone.
/// Keys and values of all tokens so far, of one layer, while decoding: (sequences * capacity, kv) twice.
template <class V>
struct LayerCache {
  V k, v;
  bool filled = false;  // of attention to an encoder: they are there since the first step
};
/// Embedded distances (r, d) that a disentangled attention meets, the largest of them, and their gradient (empty: not
/// wanted).
template <class V>
struct Distances {
  V rows, gradient;
  Extent reach = 0;
};

template <class Backbone_, class M>
struct Pass : Context<typename Backbone_::Scalar, typename Backbone_::Space> {
  using Backbone = Backbone_;
  using T = typename Backbone::Scalar;
  using E = typename Backbone::Space;
  using V = Mat<T, E>;
  using C = Mat<const T, E>;
  using Base = Context<T, E>;
  using Attached = Attachment<Backbone, M>;
  using Plain = typename Attached::Plain;
  using Tensors = typename Attached::Tensors;
  static constexpr nn::Spec spec = Backbone::spec;

  const Backbone& backbone;
  const Attached& attached;
  const Frozen<Backbone, M> frozen_at;
  const Tensors& values;
  Tensors* gradients;  // of this worker's group
  Tensors* tables;     // where embedding tables add theirs; used by one worker at a time
  KeptOf<Plain, V> kept;
  // What only some backbones have.
  const Packed* source =
      nullptr;  // of a decoder: the encoder's rows, what it gave, and the gradient of that (empty: not wanted)
  C source_rows;
  V source_gradient;
  Distances<V> relative;
  C rotary;  // (1, head / 2) inverse frequencies
  LayerCache<V>*cache = nullptr, *cross_cache = nullptr;

  Pass(Worker<E>& w, const Backbone& b, const Attached& a, const Tensors& v, Tensors* g, Tensors* t)
      : Base{w}, backbone(b), attached(a), frozen_at(b, a), values(v), gradients(g), tables(t) {
    for_each_delta<Plain>([&](auto i) { std::get<i>(kept.all).resize(a.placement(i).modules.size()); });
  }

  /// Calls f(i, module) for each delta of `route` on S in this layer, in the method's order or against it.
  template <Site S, Route route, bool reversed = false, class F>
  void each(F&& f) const {
    constexpr std::size_t n = Plain::size;
    [&]<std::size_t... k>(std::index_sequence<k...>) {
      (one < S, route, reversed ? n - 1 - k : k > (f), ...);
    }(std::make_index_sequence<n>{});
  }
  template <Site S, Route route>
  bool any() const {
    bool found = false;
    each<S, route>([&](auto, int) { found = true; });
    return found;
  }
  /// Whether backward reads the input of S in this layer.
  template <Site S>
  bool keeps_input() const {
    bool found = false;
    const auto look = [&](auto i, int) {
      if constexpr (keep_of<typename Attached::template D<i>>() == Keep::input) found = true;
    };
    each<S, Route::branch>(look);
    each<S, Route::weight>(look);
    return found;
  }
  /// Whether any delta's gradient comes from S in this layer.
  template <Site S>
  bool trains() const {
    return any<S, Route::branch>() || any<S, Route::post>() || any<S, Route::pre>() || any<S, Route::weight>();
  }

  /// The tensors that S uses: the frozen ones, or a weight delta's.
  template <Site S>
  Weights<C> weights() const {
    Weights<C> w = backbone.template weights<S>(this->layer);
    each<S, Route::weight>([&](auto i, int m) { w = attached.template delta<i>().weights(module<i>(values, m), w); });
    return w;
  }
  /// Where a weight delta on S collects gradients; empty views where nothing is wanted.
  template <Site S>
  Weights<V> weight_gradient(Tensors& into) const {
    Weights<V> g;
    each<S, Route::weight>([&](auto i, int m) {
      const Weights<V> own = attached.template delta<i>().gradient(module<i>(into, m));
      if (!empty(own.w)) g.w = own.w;
      if (!empty(own.b)) g.b = own.b;
    });
    return g;
  }

  /// Branch and post deltas of S: y = post(y + branch(x)).
  template <Site S>
  void after(C x, V y) {
    branches<S>(x, y);
    posts<S>(y);
  }
  template <Site S>
  void branches(C x, V y) {
    each<S, Route::branch>([&](auto i, int m) {
      attached.template delta<i>().forward(here<i>(m), module<i>(values, m), x, y, std::get<i>(kept.all)[m]);
    });
  }
  template <Site S>
  void posts(V y) {
    each<S, Route::post>([&](auto i, int m) {
      attached.template delta<i>().forward(here<i>(m), module<i>(values, m), y, std::get<i>(kept.all)[m]);
    });
  }
  /// Turns dy into the gradient before the post deltas. Call before dx is made from it.
  template <Site S>
  void post_backward(V dy) {
    each<S, Route::post, true>([&](auto i, int m) {
      attached.template delta<i>().backward(here<i>(m), module<i>(values, m), dy, std::get<i>(kept.all)[m],
                                            module<i>(*gradients, m));
    });
  }
  /// Gradients of the branch deltas of S, last first; adds to dx unless it is empty. Where a branch rescales what S
  /// gives, dy becomes the gradient of what was there before.
  template <Site S>
  void branch_backward(C x, V dy, V dx) {
    each<S, Route::branch, true>([&](auto i, int m) {
      std::conditional_t<peft::rescales<typename Attached::template D<i>>(), V, C> from = dy;
      attached.template delta<i>().backward(here<i>(m), module<i>(values, m), x, from, std::get<i>(kept.all)[m],
                                            module<i>(*gradients, m), dx);
    });
  }
  /// Whether a branch on S rescales what S gives, in this layer.
  template <Site S>
  bool rescales() const {
    bool found = false;
    each<S, Route::branch>([&](auto i, int) { found = found || peft::rescales<typename Attached::template D<i>>(); });
    return found;
  }
  /// Pre deltas of S, in place.
  template <Site S>
  void before(V x) {
    each<S, Route::pre>([&](auto i, int m) {
      attached.template delta<i>().forward(here<i>(m), module<i>(values, m), x, std::get<i>(kept.all)[m]);
    });
  }
  template <Site S>
  void before_backward(V dx) {
    each<S, Route::pre, true>([&](auto i, int m) {
      attached.template delta<i>().backward(here<i>(m), module<i>(values, m), dx, std::get<i>(kept.all)[m],
                                            module<i>(*gradients, m));
    });
  }

  /// Gradients flow to the group's accumulator, `dropout` of rows is drawn from these.
  void rows_are(const int* example, const int* position) {
    this->row_example = example;
    this->row_position = position;
  }

  template <std::size_t i>
  static auto& module(Tensors& t, int m) {
    return std::get<i>(t.all).modules[m];
  }
  template <std::size_t i>
  static const auto& module(const Tensors& t, int m) {
    return std::get<i>(t.all).modules[m];
  }

  /// What an op of delta i at its module m runs in.
  template <std::size_t i>
  Base& here(int m) {
    this->frozen = &frozen_at[i][static_cast<std::size_t>(m)];
    return *this;
  }

 private:
  template <Site S, Route route, std::size_t i, class F>
  void one(F& f) const {
    if constexpr (sits_on<Backbone, Plain, i, S> && Attached::template D<i>::route == route) {
      const int m = attached.placement(i).find(S, info(S).per_layer ? this->layer : -1);
      if (m >= 0) f(std::integral_constant<std::size_t, i>{}, m);
    }
  }
};

}  // namespace peft
