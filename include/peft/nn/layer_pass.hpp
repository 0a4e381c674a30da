// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <cstdint>

#include <peft/core/rng.hpp>
#include <peft/nn/seen.hpp>
#include <peft/nn/shape.hpp>
#include <peft/site.hpp>

namespace peft::nn {

/// Stands for what is done with a prefix. (No lambda: nvcc finds none callable inside a concept.)
struct TakesPrefix {
  void operator()(auto, auto, double) const {}
};

/// What the parts of a layer ask of the pass that runs them: one call, at one layer, on given rows. It is a small value:
/// `on` and `in` make another, and nothing about a call ever changes. `Call` (pass.hpp) is the backbone's, with the
/// deltas of an adapter at its sites; `BlockPass` (side/pass.hpp) that of a side net's own layers. Besides what stands
/// here, for a site S (shown for one):
///   before<S>(x), branches<S>(x, y), posts<S>(y), after<S>(x, y)      the deltas of S, forward; after: branches and posts
///   post_backward<S>(dy), branch_backward<S>(x, dy, dx), before_backward<S>(dx)              and backward, last first
template <class P>
concept LayerPass = requires(const P p, RowIds ids, typename P::C x, typename P::V y) {
  { P::spec } -> std::convertible_to<Spec>;
  { p.batch } -> std::convertible_to<const Packed*>;
  { p.layer } -> std::convertible_to<int>;
  { p.on(ids) } -> std::same_as<P>;
  { p.in(0) } -> std::same_as<P>;
  { p.dropout(0., std::uint64_t{}) } -> std::same_as<Dropout>;
  { p.keep(1, 1, "") } -> std::same_as<typename P::V>;
  { p.temp(1, 1, "") } -> std::same_as<typename P::V>;
  // The tensors of a site, and where their gradients are added; empty views where nothing is wanted.
  p.template weights<Site::query>().w;
  p.template weight_gradient<Site::query>().w;
  // What sits on a site in this layer, what backward will want of it, whether any gradient comes from it.
  { p.template any<Site::query, Route::pre>() } -> std::convertible_to<bool>;
  { p.template keeps_input<Site::query>() } -> std::convertible_to<bool>;
  { p.template trains<Site::query>() } -> std::convertible_to<bool>;
  { p.template rescales<Site::query>() } -> std::convertible_to<bool>;
  p.template before<Site::query>(y);
  p.template after<Site::query>(x, y);
  p.template post_backward<Site::query>(y);
  p.template branch_backward<Site::query>(x, y, y);
  p.template before_backward<Site::query>(y);
  // Beside the rows: an encoder's output, distances, rotary frequencies; keys and values of earlier steps.
  { p.seen() } -> std::convertible_to<const Seen<typename P::T, typename P::E>&>;
  { p.cache } -> std::convertible_to<LayerCache<typename P::V>*>;
  { p.cross_cache } -> std::convertible_to<LayerCache<typename P::V>*>;
  // f(keys, values, dropout) of a prefix that this layer attends to; of its gradients.
  p.prefix(TakesPrefix{});
  p.prefix_gradient(TakesPrefix{});
};

}  // namespace peft::nn
