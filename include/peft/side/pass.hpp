// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <any>
#include <type_traits>

#include <peft/nn/block.hpp>
#include <peft/ops/columns.hpp>
#include <peft/side/block.hpp>

namespace peft {

/// What the layers of a side net see beside their rows.
template <class V>
struct SideView {
  V source, source_gradient;  // (source rows, w) of its own encoder, and the gradient of that
  V rotary;                   // (1, head / 2) inverse frequencies
};

/// Where views of type V live.
template <class V>
using SpaceOf = std::conditional_t<Kokkos::SpaceAccessibility<Kokkos::HostSpace, typename V::memory_space>::accessible,
                                   Host, typename V::memory_space::execution_space>;

/// What the layers of a side net depend on in a context: the backbone's own spec, of a delta by itself the plain one.
template <class Ctx>
constexpr nn::Spec spec_beside() {
  if constexpr (requires { Ctx::spec; })
    return side_spec(Ctx::spec);
  else
    return {};
}

/// What `nn::Block` asks of its surroundings, for a layer whose tensors are all trained and that carries no deltas.
template <class Scalar, ExecutionSpace Space, nn::Spec spec_>
struct SidePass : Context<Scalar, Space> {
  using T = Scalar;
  using E = Space;
  using V = Mat<T, E>;
  using C = Mat<const T, E>;
  using Base = Context<T, E>;
  static constexpr nn::Spec spec = spec_;

  const BlockTensors<V>& values;
  BlockTensors<V>* gradients;
  const Packed* source = nullptr;
  C source_rows, rotary;
  V source_gradient;
  C buckets;  // of distances: the backbone's own table, frozen
  struct NoCache {
    V k, v;
    bool filled = false;
  };
  NoCache *cache = nullptr, *cross_cache = nullptr;

  /// Layer `layer`, counted as the backbone's, inside context c. Its dropout has nothing in common with that of the
  /// backbone's own.
  SidePass(auto& c, int layer, const nn::Shape& shape, const BlockTensors<V>& v, BlockTensors<V>* g,
           const SideView<V>& seen)
      : Base(c),
        values(v),
        gradients(g),
        source_rows(seen.source),
        rotary(seen.rotary),
        source_gradient(seen.source_gradient) {
    this->layer = layer;
    this->seed = rng::combine(c.seed, 0x51de);
    if constexpr (spec.cross) {
      source = c.source;
      if (!shape.decodes(layer)) this->batch = source;
    }
    if constexpr (spec.position == nn::Position::buckets)
      buckets = c.backbone.template weights<Site::bucket_table>(shape.decodes(layer) ? shape.encoder_layers : 0).w;
    rows_are(this->batch->example, this->batch->positions);
  }
  void rows_are(const int* example, const int* position) { this->row_example = example, this->row_position = position; }

  template <Site S>
  Weights<C> weights() const {
    if constexpr (S == Site::bucket_table)
      return {buckets, {}};
    else
      return {values.at[part_of(S)].w, values.at[part_of(S)].b};
  }
  template <Site S>
  Weights<V> weight_gradient(BlockTensors<V>& into) const {
    if constexpr (S == Site::bucket_table)
      return {};
    else
      return into.at[part_of(S)];
  }
  template <Site S, Route route>
  static constexpr bool any() {
    return route == Route::weight && part_of(S) < block_parts.size();
  }
  template <Site S>
  static constexpr bool trains() {
    return part_of(S) < block_parts.size();
  }
  template <Site S>
  static constexpr bool keeps_input() {
    return trains<S>();
  }
  template <Site S>
  static constexpr bool rescales() {
    return false;
  }
  // No delta sits on the layer: the hooks do nothing, and what they would look deltas up with is never called.
  struct NoDeltas {
    template <std::size_t i>
    int delta() const;
  } attached{};
  template <std::size_t i>
  static int module(const auto& tensors, int m);
  template <Site S, Route route, class F>
  void each(F&&) const {}
  template <Site S>
  void before(V) const {}
  template <Site S>
  void after(C, V) const {}
  template <Site S>
  void branches(C, V) const {}
  template <Site S>
  void posts(V) const {}
  template <Site S>
  void post_backward(V) const {}
  template <Site S>
  void branch_backward(C, C, V) const {}
  template <Site S>
  void before_backward(V) const {}
};

/// The surroundings of layer `layer` of a side net in context c; gradients may be null while there is no backward.
template <class Ctx, class V>
auto side_pass(Ctx& c, int layer, const nn::Shape& shape, const BlockTensors<V>& values,
               std::type_identity_t<BlockTensors<V>*> gradients, const SideView<V>& seen) {
  return SidePass<typename V::non_const_value_type, SpaceOf<V>, spec_beside<Ctx>()>(c, layer, shape, values, gradients,
                                                                                    seen);
}

/// The layer itself: what it keeps for backward has a type that depends on the backbone, which a delta's `Kept` does
/// not know.
template <class P>
nn::Block<P>& block_in(P&, std::any& kept) {
  if (!kept.has_value()) kept = nn::Block<P>();
  return std::any_cast<nn::Block<P>&>(kept);
}

/// Inverse frequencies of small rotary heads: evenly every second, third, .. of the backbone's, as theirs is one
/// formula of i / head.
template <class V, class Ctx>
V side_rotary(Ctx& c, const nn::Shape& shape) {
  V some;
  if constexpr (spec_beside<Ctx>().position == nn::Position::rotary) {
    using C = typename Ctx::C;
    const Extent pairs = shape.head() / 2, stride = cols(c.rotary) / pairs;
    some = c.keep(pairs, 1, "rotary");
    ops::copy_columns(c.w, some, C(c.rotary.data(), pairs, stride), 0);
    some = V(some.data(), 1, pairs);
  }
  return some;
}

}  // namespace peft
