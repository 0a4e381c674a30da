// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/adalora.hpp>
#include <peft/delta/adapter.hpp>
#include <peft/delta/added_bias.hpp>
#include <peft/delta/compacter.hpp>
#include <peft/delta/diff_pruning.hpp>
#include <peft/delta/dora.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/ia3.hpp>
#include <peft/delta/p_tuning.hpp>
#include <peft/delta/prefix.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/delta/vera.hpp>
#include <peft/side/ladder.hpp>
#include <peft/side/read.hpp>
#include <peft/side/side_tuning.hpp>
#include <peft/testing/gradcheck_model.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "gradients.hpp"
#include "space.hpp"

/// Every kind of delta inside small whole models of one family. Deltas that may sit side by side are in one method, as
/// a model takes long to compile: a wrong gradient of any is a wrong number of the whole.
namespace matrix {

using namespace peft;

/// Bottlenecks, scales and virtual tokens, a gate on what has a rank. More: what only some backbones take.
using Parallel = Adapter<3, ops::Gelu, LikeLoRA, Open, Route::branch>;  // relu has kinks
template <class... More>
using Bottlenecks = Method<Delta<LoRA<2>, At<Linear>>, Delta<Parallel, At<Attention | CrossAttention, Ffn>>,
                           Delta<Adapter<3>>, Delta<Compacter<>>, std::tuple_element_t<0, IA3::Deltas>,
                           std::tuple_element_t<1, IA3::Deltas>, Delta<Prompt>, More..., Gate<Proximal>>;
/// Sizes that a check of every number can afford, dropout on, and no kinks in norms or gates.
void make_small(auto& delta) {
  using D = std::remove_cvref_t<decltype(delta)>;
  if constexpr (requires { delta.dropout; }) delta.dropout = 0.2;
  if constexpr (requires { delta.length; }) delta.length = 2;
  if constexpr (D::route == Route::prefix || std::is_same_v<D, PTuning>) delta.inner = 3;
  if constexpr (requires { delta.shared_rule; }) delta.n = 2, delta.reduction = 0, delta.width = 4;
  if constexpr (requires { delta.rank; } && !requires { delta.shared_rule; }) delta.rank = 2;
  if constexpr (std::is_base_of_v<DoRA<2>, D>) delta.norm = DoraNorm::differentiated;
  if constexpr (std::is_same_v<D, DiffPruning>) delta.initial = 3, delta.lambda = 0.02;
  if constexpr (requires { delta.temperature; }) delta.temperature = 0.5;
}
template <class Method>
Method small(Method method) {
  std::apply([](auto&... part) { (make_small(part.delta), ...); }, method.deltas);
  return method;
}

/// Other matrices of low rank, rows made by an encoder, and biases.
using Ranks =
    Method<Delta<AdaLoRA<>>, Delta<DoRA<2>, At<Linear>>, Delta<VeRA>, Delta<PTuning>, Delta<Bias>, Delta<AddedBias>>;
/// Everything trained in weight space, one way or the other.
using InPlace =
    Method<Delta<Full, At<Linear>>, Delta<DiffPruning, At<Norm | Tables | LmHead | only(Site::bucket_table) |
                                                          only(Site::position_key) | only(Site::position_query)>>>;

/// Side nets, each correcting what the one before left: only the first may scale it, and none may replace it.
using Beside =
    Method<SideNet<SideTuning<2>>, SideNet<Ladder<2>>, SideNet<Read<GRU, 3, Concatenated<OwnToken, SameSequence>>>>;
inline Beside beside() {
  Beside method;
  std::get<1>(method.deltas).delta.replaces = false;
  std::get<2>(method.deltas).delta.relative = true;
  return method;
}

/// Of every tensor some numbers, in all of its rows and columns: any width here shares no factor with this.
inline constexpr int every = 7;

struct Setting {
  double dropout = 0;
  double deviation = 0.2;
};

/// The gradients of a method on three backbones, make(i, dropout); the flipped ones must be found out.
template <class Task, class Make, class Method>
void check(Make&& make, const Batch& batch, Task task, const Method& method, const Setting& s = {}) {
  for (int i = 0; i < 3; ++i) {
    const auto backbone = make(i, s.dropout);
    using Backbone = std::remove_cvref_t<decltype(*backbone)>;
    Model<Backbone, Method, Task> model(backbone, small(method), task);
    gradients::expect_right(model, batch, {.deviation = s.deviation, .every = every}, i == 0, std::to_string(i) + ": ");
  }
}

/// A ladder as wide as the backbone, cut out of all of it, that lets nothing in but the embeddings, is the backbone.
template <class Task, class Make>
void copies(Make&& make, const Batch& batch, Task task) {
  for (int i = 0; i < 2; ++i) {
    const auto backbone = make(i, 0.);
    using Backbone = std::remove_cvref_t<decltype(*backbone)>;
    const auto predict = [&](auto& model) {
      Engine<std::remove_cvref_t<decltype(model)>> engine(model, 1);
      engine.prepare();
      return engine.predict(batch);
    };
    Model<Backbone, Method<>, Task> plain(backbone, {}, task, 7);
    Model<Backbone, Method<SideNet<Ladder<1>>>, Task> model(backbone, {}, task, 7);
    const auto wanted = predict(plain), before = predict(model);
    for (const Field& f : model.layout().fields()) {
      auto values = model.read(f);
      const bool block = f.name.find("side.layer.") == 0, norm = f.name == "side.norm.weight",
                 of_encoder = f.name.find("encoder.norm") != std::string::npos;
      const bool own = f.name.find("side.") == 0 && !block && !of_encoder, maps = own && f.rows > 1;
      if (own) std::fill(values.begin(), values.end(), norm ? 1. : 0.);
      for (Extent k = 0; maps && k < f.rows; ++k) values[static_cast<std::size_t>(k * f.cols + k)] = 1;
      if (f.name.ends_with(".gate")) values[0] = 100;
      model.write(f, values);
    }
    const auto got = predict(model);
    double worst = 0, moved = 0;
    REQUIRE(got.size() == wanted.size());
    for (std::size_t k = 0; k < got.size(); ++k)
      worst = std::max(worst, std::abs(got[k] - wanted[k])), moved = std::max(moved, std::abs(before[k] - wanted[k]));
    CHECK(worst < 1e-4);  // two norms in a row: to their epsilon
    CHECK(moved > 1e-3 + 20 * worst);
  }
}

/// Texts of these lengths; the rows of a completion have the next token as their target.
inline Batch texts(const std::vector<int>& lengths = {2, 7, 3, 12}) {
  Batch b;
  std::int64_t example = 4;
  for (const int n : lengths) {
    const auto draw = [&](int i) {
      return static_cast<int>(2 + rng::combine(rng::mix(9), static_cast<std::uint64_t>(100 * example + i)) % 18);
    };
    for (int i = 0; i < n; ++i) {
      b.ids.push_back(draw(i));
      b.targets.push_back(i < n / 3 || i + 1 == n ? -1 : draw(i + 1));
    }
    b.offsets.push_back(static_cast<int>(b.ids.size()));
    b.examples.push_back(example++);
  }
  b.types.assign(b.ids.size(), 0);
  b.slots.assign(b.ids.size(), -1);
  return b;
}

}  // namespace matrix
