// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include <peft/nn/seen.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/reduce.hpp>

namespace peft {

/// Memory for the keys and values of the layers of a decoder, kept between texts and never smaller than before. V: a
/// matrix view.
template <class V, class E>
class Cache {
 public:
  using T = typename V::non_const_value_type;

  /// The bytes that `reserve` would take; views without memory are what is there then, for a plan.
  std::size_t count(int layers, Extent rows, Extent width) {
    layers_.assign(static_cast<std::size_t>(layers), {V(nullptr, rows, width), V(nullptr, rows, width), false});
    return 2 * static_cast<std::size_t>(layers) * static_cast<std::size_t>(rows) * static_cast<std::size_t>(width) *
           sizeof(T);
  }
  /// Room for `rows` keys and values of `width` numbers in each of `layers` layers; what was there is void.
  void reserve(int layers, Extent rows, Extent width) {
    const std::size_t one = static_cast<std::size_t>(rows) * width, all = 2 * one * static_cast<std::size_t>(layers);
    if (memory_.size() < all) memory_ = allocated<Memory>("peft::cache", all, Kokkos::WithoutInitializing);
    layers_.resize(static_cast<std::size_t>(layers));
    T* at = memory_.data();
    for (nn::LayerCache<V>& layer : layers_) {
      layer = {V(at, rows, width), V(at + one, rows, width), false};
      at += 2 * one;
    }
  }
  nn::LayerCache<V>* layers() { return layers_.data(); }
  nn::LayerCache<V>& layer(int i) { return layers_[static_cast<std::size_t>(i)]; }
  void filled(bool yes) {
    for (nn::LayerCache<V>& layer : layers_) layer.filled = yes;
  }
  /// Copies n rows from `from` on to `to`, in every layer.
  void copy(Worker<E>& w, Extent from, Extent to, Extent n) {
    for (nn::LayerCache<V>& layer : layers_) {
      ops::copy(w, slice(layer.k, to, to + n), constant(slice(layer.k, from, from + n)));
      ops::copy(w, slice(layer.v, to, to + n), constant(slice(layer.v, from, from + n)));
    }
  }

 private:
  using Memory = Kokkos::View<T*, typename E::memory_space>;
  Memory memory_;
  std::vector<nn::LayerCache<V>> layers_;
};

}  // namespace peft
