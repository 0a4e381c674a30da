// SPDX-License-Identifier: Apache-2.0
// The words of a method as they stand, on one stack, on two, and on a decoder; settings by name; ranges of layers.
#include <type_traits>

#include <peft/delta/adapter.hpp>
#include <peft/delta/lora.hpp>
#include <peft/delta/sora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/llama.hpp>
#include <peft/model/model.hpp>
#include <peft/model/t5.hpp>
#include <peft/side/gru.hpp>
#include <peft/side/ladder.hpp>
#include <peft/side/read_with.hpp>
#include <peft/task/language_model.hpp>

#include "whole.hpp"

using namespace peft;

namespace {

template <class M>
constexpr bool fits_everywhere() {
  return places_fit<Bert<>, typename MethodOn<M, Bert<>>::type::Plain>() &&
         places_fit<T5<>, typename MethodOn<M, T5<>>::type::Plain>() &&
         places_fit<Llama<>, typename MethodOn<M, Llama<>>::type::Plain>();
}
static_assert(fits_everywhere<Method<Delta<LoRA<8>>>>());
static_assert(fits_everywhere<Method<Delta<LoRA<8>, At<Linear>>, Gate<Proximal>>>());
static_assert(fits_everywhere<Method<SideNet<GRU>>>());
static_assert(fits_everywhere<Method<SideNet<GRU, 64>>>());
static_assert(fits_everywhere<Method<SideNet<Ladder<8>>>>());
static_assert(fits_everywhere<Method<Delta<Ladder<8>>>>(), "a side net's place is its own");

// A recurrent cell is READ: Read beside one stack, ReadPair beside two.
template <class B, class Net>
inline constexpr bool is_net =
    std::is_same_v<typename MethodOn<Method<SideNet<GRU, 64>>, B>::type, Method<SideNet<Net>>>;
static_assert(is_net<Bert<>, Read<GRU, 64>> && is_net<Llama<>, Read<GRU, 64>> && is_net<T5<>, ReadPair<GRU, 64>>);
static_assert(std::is_same_v<SideNet<GRU>, SideNet<Read<GRU, 128>>>);

// What is given at run time narrows down what the type means.
constexpr auto ranges = At<Query, Layers<0, 2>, Layers<8, 12>>::ranges();
static_assert(ranges.size() == 2 && ranges[0].last == 2 && ranges[1].first == 8);
static_assert(At<Query>::ranges().empty());

int modules(const auto& model) { return static_cast<int>(model.attached().placement(0).modules.size()); }

}  // namespace

TEST_CASE("At with two ranges of layers means both; layers given at run time narrow them down") {
  using Both = Method<Delta<LoRA<2>, At<Query, Layers<0, 1>, Layers<2, 4>>>>;
  const auto bert = tiny::bert({12, 2, 4, 20});
  const auto at = [&](LayerRange layers) {
    Both method;
    std::get<0>(method.deltas).layers = layers;
    return modules(Model<Bert<double>, Both>(bert, method, {3}));
  };
  CHECK(at({}) == 3);
  CHECK(at({1, 4}) == 2);
  CHECK(at({0, 3}) == 2);
  CHECK_THROWS_WITH(at({1, 2}), ContainsSubstring("leave it no place"));
}

TEST_CASE("settings by name go into a method and a model in one expression") {
  const auto bert = tiny::bert();
  Method given{LoRA<2>{.alpha = 32, .dropout = 0.1}};
  static_assert(std::is_same_v<decltype(given), Method<Delta<LoRA<2>>>>);
  CHECK(given.get<LoRA<2>>().alpha == 32);
  CHECK(given.get<LoRA<2>>().dropout == 0.1);

  SoRA<2> sora({.alpha = 32, .gate = {.strength = 0.5}});
  CHECK(sora.get<LoRA<2>>().alpha == 32);
  CHECK(sora.get<LoRA<2, Proximal>>().gate.strength == 0.5);
  sora.get<LoRA<2>>().alpha = 4;
  CHECK(std::get<0>(sora.deltas).delta.alpha == 4);

  const Method two{LoRA<2>{.alpha = 3}, Delta<Adapter<4>>{}};
  CHECK(two.get<LoRA<2>>().alpha == 3);
  CHECK(two.get<Adapter<4>>().width == 4);

  const Model model(bert, LoRA<2>{.alpha = 5}, Classify{.labels = 3});
  static_assert(std::is_same_v<decltype(model), const Model<Bert<double>, Method<Delta<LoRA<2>>>>>);
  CHECK(model.attached().template delta<0>().alpha == 5);
  CHECK(model.task().labels == 3);
  const Model gated(bert, SoRA<2>({.alpha = 6}), ClassifyMean{.labels = 3}, 7);
  static_assert(std::is_same_v<decltype(gated), const Model<Bert<double>, SoRA<2>, ClassifyMean>>);
  CHECK(gated.attached().template delta<0>().alpha == 6);
}
