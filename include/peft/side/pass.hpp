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

/// A call of one of a side net's own layers, whose tensors are all trained and that carries no deltas (nn::LayerPass).
template <class Scalar, ExecutionSpace Space, nn::Spec spec_>
struct BlockPass : Context<Scalar, Space> {
  using T = Scalar;
  using E = Space;
  using V = Mat<T, E>;
  using C = Mat<const T, E>;
  using Base = Context<T, E>;
  static constexpr nn::Spec spec = spec_;

  const BlockTensors<V>& values;
  BlockTensors<V>* gradients;  // nullptr: there is no backward
  nn::Seen<T, E> seen_;
  C buckets;  // of distances: the backbone's own table, frozen
  nn::LayerCache<V>*cache = nullptr, *cross_cache = nullptr;

  /// Layer `layer`, counted as the backbone's, inside context c. Its dropout has nothing in common with that of the
  /// backbone's own.
  BlockPass(const auto& c, int layer, const nn::Shape& shape, const BlockTensors<V>& v, BlockTensors<V>* g,
            const SideView<V>& side)
      : Base(c), values(v), gradients(g) {
    this->layer = layer;
    this->seed = rng::combine(c.seed, 0x51de);
    seen_.source_rows = side.source;
    seen_.source_gradient = side.source_gradient;
    seen_.rotary = side.rotary;
    if constexpr (spec.cross) {
      seen_.source = c.seen().source;
      if (!shape.decodes(layer)) this->batch = seen_.source;
    }
    if constexpr (spec.position == nn::Position::buckets)
      buckets = c.backbone().template weights<Site::bucket_table>(shape.decodes(layer) ? shape.encoder_layers : 0).w;
    this->row_ids = this->batch->row_ids();
  }
  BlockPass on(RowIds ids) const {
    BlockPass other(*this);
    other.row_ids = ids;
    return other;
  }
  BlockPass in(int layer) const {
    BlockPass other(*this);
    other.layer = layer;
    return other;
  }
  const nn::Seen<T, E>& seen() const { return seen_; }

  template <Site S>
  Weights<C> weights() const {
    if constexpr (S == Site::bucket_table)
      return {buckets, {}};
    else
      return {values.at[part_of(S)].w, values.at[part_of(S)].b};
  }
  template <Site S>
  Weights<V> weight_gradient() const {
    if constexpr (S == Site::bucket_table)
      return {};
    else
      return gradients == nullptr ? Weights<V>() : gradients->at[part_of(S)];
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
  // No delta sits on the layer.
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
  void branch_backward(C, V, V) const {}
  template <Site S>
  void before_backward(V) const {}
  void prefix(auto&&) const {}
  void prefix_gradient(auto&&) const {}
};

/// The surroundings of layer `layer` of a side net in context c; gradients may be null while there is no backward.
template <class Ctx, class V>
auto side_pass(const Ctx& c, int layer, const nn::Shape& shape, const BlockTensors<V>& values,
               std::type_identity_t<BlockTensors<V>*> gradients, const SideView<V>& seen) {
  return BlockPass<typename V::non_const_value_type, SpaceOf<V>, spec_beside<Ctx>()>(c, layer, shape, values, gradients,
                                                                                     seen);
}

/// The layer itself: what it keeps for backward has a type that depends on the backbone, which a delta's `Kept` does
/// not know.
template <class P>
nn::Block<P>& block_in(const P&, std::any& kept) {
  if (!kept.has_value()) kept = nn::Block<P>();
  return std::any_cast<nn::Block<P>&>(kept);
}

/// Inverse frequencies of small rotary heads: evenly every second, third, .. of the backbone's, as theirs is one
/// formula of i / head.
template <class V, class Ctx>
V side_rotary(const Ctx& c, const nn::Shape& shape) {
  V some;
  if constexpr (spec_beside<Ctx>().position == nn::Position::rotary) {
    using C = typename Ctx::C;
    const Extent pairs = shape.head() / 2, stride = cols(c.seen().rotary) / pairs;
    some = c.keep(pairs, 1, "rotary");
    ops::copy_columns(c.w, some, C(c.seen().rotary.data(), pairs, stride), 0);
    some = V(some.data(), 1, pairs);
  }
  return some;
}

}  // namespace peft
