// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <peft/nn/block.hpp>

namespace peft {

/// Linear sites and norms of an encoder block, and what the block of a side net calls them in its fields.
struct BlockPart {
  Site site;
  std::string_view name;
};
inline constexpr std::array<BlockPart, 8> block_parts{{{Site::query, "attention.self.query"},
                                                       {Site::key, "attention.self.key"},
                                                       {Site::value, "attention.self.value"},
                                                       {Site::attn_out, "attention.output.dense"},
                                                       {Site::attn_norm, "attention.output.LayerNorm"},
                                                       {Site::ff_up, "intermediate.dense"},
                                                       {Site::ff_down, "output.dense"},
                                                       {Site::ff_norm, "output.LayerNorm"}}};
constexpr std::size_t part_of(Site s) {
  for (std::size_t i = 0; i < block_parts.size(); ++i)
    if (block_parts[i].site == s) return i;
  return block_parts.size();
}

/// The tensors of a small encoder block.
template <class V>
struct BlockTensors {
  std::array<Weights<V>, block_parts.size()> at;
};

/// The shape of blocks whose widths are the r-th part of the backbone's; `heads` 0: as many heads.
inline nn::Shape small_shape(nn::Shape shape, int r, int heads) {
  require(r > 0 && shape.width / r > 0 && shape.inner / r > 0, "a side net's reduction of ", r, " leaves nothing of ", shape.width, " and ", shape.inner);
  shape.width /= r;
  shape.inner /= r;
  if (heads > 0) shape.heads = heads;
  require(shape.width % shape.heads == 0, "a side net of width ", shape.width, " cannot have ", shape.heads, " heads: name a number that divides it");
  return shape;
}

/// Rows and columns of the weight of one part, in a block of `shape`.
inline std::pair<Extent, Extent> part_shape(Site s, const nn::Shape& shape) {
  if (info(s).kind == Kind::norm) return {1, shape.width};
  return {s == Site::ff_up ? shape.inner : shape.width, s == Site::ff_down ? shape.inner : shape.width};
}

/// Lists a block under `path`: matrices ~ N(0, 0.02^2), biases 0, norms 1 and 0, as a fresh BERT. 4 (w^2 + w) + 2 w f + f + w + 4 w.
void declare_block(auto& fields, auto& block, const std::string& path, const nn::Shape& shape) {
  for (std::size_t i = 0; i < block_parts.size(); ++i) {
    const auto [site, name] = block_parts[i];
    const auto [r, c] = part_shape(site, shape);
    const bool norm = info(site).kind == Kind::norm;
    if (norm)
      fields.vector(cat(path, ".", name, ".weight"), block.at[i].w, c, constant_of(1));
    else
      fields.trained(cat(path, ".", name, ".weight"), block.at[i].w, r, c, normal(0.02));
    fields.vector(cat(path, ".", name, ".bias"), block.at[i].b, norm ? c : r);
  }
}

/// What `nn::Block` asks of its surroundings, for a block whose tensors are all trained and that carries no deltas.
template <class Scalar, ExecutionSpace Space>
struct SidePass : Context<Scalar, Space> {
  using T = Scalar;
  using E = Space;
  using V = Mat<T, E>;
  using C = Mat<const T, E>;
  using Base = Context<T, E>;
  static constexpr nn::Spec spec{};

  const BlockTensors<V>& values;
  BlockTensors<V>* gradients;

  /// Block `layer` inside context c. Its dropout has nothing in common with that of the backbone's own layer.
  SidePass(const Base& c, int layer, const BlockTensors<V>& v, BlockTensors<V>* g) : Base(c), values(v), gradients(g) {
    this->layer = layer;
    this->seed = rng::combine(c.seed, 0x51de);
  }
  void rows_are(const int* example, const int* position) { this->row_example = example, this->row_position = position; }

  template <Site S>
  Weights<C> weights() const {
    return {values.at[part_of(S)].w, values.at[part_of(S)].b};
  }
  template <Site S>
  Weights<V> weight_gradient(BlockTensors<V>& into) const {
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
  // No delta sits on the block: the hooks do nothing, and what they would look deltas up with is never called.
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
  void post_backward(V) const {}
  template <Site S>
  void branch_backward(C, C, V) const {}
  template <Site S>
  void before_backward(V) const {}
};

/// Where views of type V live.
template <class V>
using SpaceOf = std::conditional_t<Kokkos::SpaceAccessibility<Kokkos::HostSpace, typename V::memory_space>::accessible, Host,
                                   typename V::memory_space::execution_space>;
template <class V>
using SideBlock = nn::Block<SidePass<typename V::non_const_value_type, SpaceOf<V>>>;

/// f(what the block asks for, the block), for block `number` of a side net in context c.
template <class V, class F>
void side_block(auto& c, int number, const BlockTensors<V>& values, std::type_identity_t<BlockTensors<V>*> gradients, SideBlock<V>& block, F&& f) {
  SidePass<typename V::non_const_value_type, SpaceOf<V>> pass(c, number, values, gradients);
  f(pass, block);
}

}  // namespace peft
