// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tuple>
#include <type_traits>
#include <vector>

#include <peft/frozen.hpp>
#include <peft/nn/seen.hpp>

namespace peft {

/// What backward needs of a method, per delta and module: views into the worker's workspace.
template <class M, class V>
struct KeptOf;
template <class... P, class V>
struct KeptOf<Method<P...>, V> {
  std::tuple<std::vector<typename P::type::template Kept<V>>...> all;
};

/// What one call of a backbone's layers sees of an adapter: the layer, the rows, and the deltas that sit at its sites
/// (nn::LayerPass). With no delta on a site every hook is empty.
template <class P>
struct Call : Context<typename P::T, typename P::E> {
  using Pass = P;
  using T = typename P::T;
  using E = typename P::E;
  using V = typename P::V;
  using C = typename P::C;
  using Base = Context<T, E>;
  using Plain = typename P::Plain;
  using Tensors = typename P::Tensors;
  using Backbone = typename P::Backbone;
  static constexpr nn::Spec spec = P::spec;

  P& pass;
  nn::LayerCache<V>*cache = nullptr, *cross_cache = nullptr;

  Call on(RowIds ids) const {
    Call other(*this);
    other.row_ids = ids;
    return other;
  }
  Call in(int layer) const {
    Call other(*this);
    other.layer = layer;
    return other;
  }

  const Backbone& backbone() const { return pass.backbone; }
  const nn::Shape& shape() const { return pass.backbone.shape(); }
  const nn::Seen<T, E>& seen() const { return pass.seen; }

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
      if constexpr (keep_of<Delta<i>>() == Keep::input) found = true;
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
    Weights<C> w = pass.backbone.template weights<S>(this->layer);
    each<S, Route::weight>([&](auto i, int m) { w = delta<i>().weights(values<i>(m), w); });
    return w;
  }
  /// Where a weight delta on S collects gradients in this worker's accumulator; empty views where nothing is wanted.
  template <Site S>
  Weights<V> weight_gradient() const {
    return pass.gradients == nullptr ? Weights<V>() : weight_gradient<S>(*pass.gradients);
  }
  /// The same in other tensors of the adapter: where embedding tables add theirs.
  template <Site S>
  Weights<V> weight_gradient(Tensors& into) const {
    Weights<V> g;
    each<S, Route::weight>([&](auto i, int m) {
      const Weights<V> own = delta<i>().gradient(std::get<i>(into.all).modules[m]);
      if (!empty(own.w)) g.w = own.w;
      if (!empty(own.b)) g.b = own.b;
    });
    return g;
  }

  /// Branch and post deltas of S: y = post(y + branch(x)).
  template <Site S>
  void after(C x, V y) const {
    branches<S>(x, y);
    posts<S>(y);
  }
  template <Site S>
  void branches(C x, V y) const {
    each<S, Route::branch>([&](auto i, int m) {
      Base c = here<i>(m);
      delta<i>().forward(c, values<i>(m), x, y, kept<i>(m));
    });
  }
  template <Site S>
  void posts(V y) const {
    each<S, Route::post>([&](auto i, int m) {
      Base c = here<i>(m);
      delta<i>().forward(c, values<i>(m), y, kept<i>(m));
    });
  }
  /// Turns dy into the gradient before the post deltas. Call before dx is made from it.
  template <Site S>
  void post_backward(V dy) const {
    each<S, Route::post, true>([&](auto i, int m) {
      Base c = here<i>(m);
      delta<i>().backward(c, values<i>(m), dy, constant_kept<i>(m), gradients<i>(m));
    });
  }
  /// Gradients of the branch deltas of S, last first; adds to dx unless it is empty. Where a branch rescales what S
  /// gives, dy becomes the gradient of what was there before.
  template <Site S>
  void branch_backward(C x, V dy, V dx) const {
    each<S, Route::branch, true>([&](auto i, int m) {
      Base c = here<i>(m);
      std::conditional_t<peft::rescales<Delta<i>>(), V, C> from = dy;
      delta<i>().backward(c, values<i>(m), x, from, constant_kept<i>(m), gradients<i>(m), dx);
    });
  }
  /// Whether a branch on S rescales what S gives, in this layer.
  template <Site S>
  bool rescales() const {
    bool found = false;
    each<S, Route::branch>([&](auto i, int) { found = found || peft::rescales<Delta<i>>(); });
    return found;
  }
  /// Pre deltas of S, in place.
  template <Site S>
  void before(V x) const {
    each<S, Route::pre>([&](auto i, int m) {
      Base c = here<i>(m);
      delta<i>().forward(c, values<i>(m), x, kept<i>(m));
    });
  }
  template <Site S>
  void before_backward(V dx) const {
    each<S, Route::pre, true>([&](auto i, int m) {
      Base c = here<i>(m);
      delta<i>().backward(c, values<i>(m), dx, constant_kept<i>(m), gradients<i>(m));
    });
  }

  /// f(keys, values, dropout) of a prefix in this layer, and of its gradients; not called where there is none.
  template <class F>
  void prefix(F&& f) const {
    each<Site::self_attention, Route::prefix>([&](auto i, int m) {
      auto own = values<i>(m);
      give(delta<i>(), own, f);
    });
  }
  template <class F>
  void prefix_gradient(F&& f) const {
    each<Site::self_attention, Route::prefix>([&](auto i, int m) { give(delta<i>(), gradients<i>(m), f); });
  }

  /// Rows (n, d) that an input delta puts before every sequence, and their gradient; empty where there is none.
  C virtual_rows() const {
    C found;
    each<Site::input, Route::input>([&](auto i, int m) {
      auto own = values<i>(m);
      found = delta<i>().rows(own);
    });
    return found;
  }
  V virtual_rows_gradient() const {
    V found;
    each<Site::input, Route::input>([&](auto i, int m) { found = delta<i>().rows(gradients<i>(m)); });
    return found;
  }

  /// f(context, net, its values, what it keeps) of every side net; `side_gradients`: their gradients besides.
  template <class F>
  void side_nets(F&& f) const {
    each<Site::side, Route::side>([&](auto i, int m) {
      Call c = with_frozen<i>(m);
      f(c, delta<i>(), values<i>(m), kept<i>(m));
    });
  }
  template <class F>
  void side_gradients(F&& f) const {
    each<Site::side, Route::side>([&](auto i, int m) {
      Call c = with_frozen<i>(m);
      f(c, delta<i>(), values<i>(m), kept<i>(m), gradients<i>(m));
    });
  }

 private:
  template <std::size_t i>
  using Delta = typename Plain::template type<i>;

  template <std::size_t i>
  const Delta<i>& delta() const {
    return pass.attached.template delta<i>();
  }
  template <std::size_t i>
  const auto& values(int m) const {
    return std::get<i>(pass.values.all).modules[m];
  }
  template <std::size_t i>
  auto& gradients(int m) const {
    return std::get<i>(pass.gradients->all).modules[m];
  }
  template <std::size_t i>
  auto& kept(int m) const {
    return std::get<i>(pass.kept.all)[m];
  }
  template <std::size_t i>
  const auto& constant_kept(int m) const {
    return kept<i>(m);
  }
  /// What an op of delta i at its module m runs in.
  template <std::size_t i>
  Call with_frozen(int m) const {
    Call c(*this);
    c.frozen = &pass.frozen_at[i][static_cast<std::size_t>(m)];
    return c;
  }
  template <std::size_t i>
  Base here(int m) const {
    Base c(*this);
    c.frozen = &pass.frozen_at[i][static_cast<std::size_t>(m)];
    return c;
  }
  template <class D, class F>
  static void give(const D& delta, auto& own, F&& f) {
    const auto kv = delta.keys_values(own);
    if constexpr (requires { delta.dropout; })
      f(kv.k, kv.v, delta.dropout);
    else
      f(kv.k, kv.v, 0.);
  }

  /// Calls f(i, module) for each delta of `route` on S in this layer, in the method's order or against it.
  template <Site S, Route route, bool reversed = false, class F>
  void each(F&& f) const {
    constexpr std::size_t n = Plain::size;
    [&]<std::size_t... k>(std::index_sequence<k...>) {
      (one < S, route, reversed ? n - 1 - k : k > (f), ...);
    }(std::make_index_sequence<n>{});
  }
  template <Site S, Route route, std::size_t i, class F>
  void one(F& f) const {
    if constexpr (sits_on<Backbone, Plain, i, S> && Delta<i>::route == route) {
      const int m = pass.attached.placement(i).find(S, info(S).per_layer ? this->layer : -1);
      if (m >= 0) f(std::integral_constant<std::size_t, i>{}, m);
    }
  }
};

/// One worker's passes through a backbone with an adapter attached: whose tensors are used, where gradients go, what the
/// deltas keep for backward. `at` makes the calls.
template <class Backbone_, class M>
struct Pass {
  using Backbone = Backbone_;
  using T = typename Backbone::Scalar;
  using E = typename Backbone::Space;
  using V = Mat<T, E>;
  using C = Mat<const T, E>;
  using Attached = Attachment<Backbone, M>;
  using Plain = typename Attached::Plain;
  using Tensors = typename Attached::Tensors;
  using Call = peft::Call<Pass>;
  static constexpr nn::Spec spec = Backbone::spec;
  static constexpr bool crosses = !beside_backbone<Plain>();  // may a gradient cross the backbone's layers?

  Worker<E>& w;
  const Backbone& backbone;
  const Attached& attached;
  const Frozen<Backbone, M> frozen_at;
  const Tensors& values;
  Tensors* gradients;  // of this worker's group; nullptr: there is no backward
  KeptOf<Plain, V> kept;
  nn::Seen<T, E> seen;
  const int first, encoder_first;  // the lowest layers with a delta: of the stack that is read, of an encoder before it
  const bool below;  // is anything trained below the layers?

  Pass(Worker<E>& worker, const Backbone& b, const Attached& a, const Tensors& v, Tensors* g)
      : w(worker),
        backbone(b),
        attached(a),
        frozen_at(b, a),
        values(v),
        gradients(g),
        first(a.first_layer(b.shape().encoder_layers, b.shape().layers)),
        encoder_first(a.first_layer(0, b.shape().encoder_layers)),
        below(a.below_layers()) {
    seen.rotary = b.rotary();
    for_each_delta<Plain>([&](auto i) { std::get<i>(kept.all).resize(a.placement(i).modules.size()); });
  }
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  /// What the next calls are a step of: whether dropout is active, and what it is drawn from.
  void begin(bool training, std::uint64_t seed) {
    training_ = training;
    seed_ = seed;
  }
  /// A call at a layer (-1: outside of all) on the tokens of `batch`.
  Call at(int layer, const Packed& batch) {
    return {{w, &batch, layer, training_, seed_, batch.row_ids(), nullptr}, *this};
  }

  /// Does backward come to the layers that are read, and to those of an encoder before them?
  bool into_encoder() const { return crosses && spec.cross && (encoder_first != Attached::none || below); }
  bool into_layers() const { return crosses && (first != Attached::none || below || into_encoder()); }

 private:
  bool training_ = false;
  std::uint64_t seed_ = 0;
};

}  // namespace peft
