// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/delta/prefix.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/side/gru.hpp>
#include <peft/side/read.hpp>

#include "generate_cache.hpp"

using namespace peft;

namespace {

Delta<Prefix> prefix_of(int length) {
  Delta<Prefix> d;
  d.delta.length = length;
  d.delta.projection = false;
  return d;
}
Delta<Prompt> prompt_of(int length) {
  Delta<Prompt> d;
  d.delta.length = length;
  return d;
}

/// A side net that mixes the rows of a text: adds their mean to each.
struct Mean {
  static constexpr Route route = Route::side;
  static constexpr Kind fits = Kind::side;
  static constexpr bool taps_all_rows = true;
  template <class V>
  struct Params {
    V scale;
  };
  template <class V>
  struct Kept {};
  void declare(auto& fields, auto& p, const Module&) const { fields.trained("scale", p.scale, 1, 1, zeros()); }
  void begin(auto&, const auto&, auto&, int) const {}
  void tap(auto&, const auto&, auto&, int, auto) const {}
  void correct(auto& c, const auto&, auto&, auto last) const {
    const auto scope = c.w.scope();
    auto mean = c.temp(c.batch->sequences, cols(last)), each = c.temp(rows(last), cols(last));
    ops::segment_mean(c.w, mean, constant(last), c.batch->offsets);
    ops::gather_rows(c.w, each, constant(mean), c.batch->segment);
    ops::add(c.w, last, constant(each));
  }
  void backward(auto&, const auto&, auto&, auto, auto&) const {}
};

}  // namespace

TEST_CASE("Llama over a cache computes what a whole pass computes", "[generate]") {
  using Both = Method<Delta<LoRA<4>>, Delta<Prefix>>;
  CHECK(cache::difference(cache::llama(), Both(Delta<LoRA<4>>{}, prefix_of(3))) < 1e-10);
  auto some = prefix_of(3);
  some.layers = {1, 2};  // the other layers have none, but the text's positions begin after it there too
  CHECK(cache::difference(cache::llama(), Both(Delta<LoRA<4>>{}, some)) < 1e-10);
  CHECK(cache::difference(cache::llama(), Method<Delta<LoRA<4>>, Delta<Prompt>>(Delta<LoRA<4>>{}, prompt_of(2))) <
        1e-10);
}

TEST_CASE("GPT-2 over a cache computes what a whole pass computes", "[generate]") {
  using All = Method<Delta<LoRA<4>, At<FusedQkv>>, Delta<Prefix>, Delta<Prompt>>;
  CHECK(cache::difference(cache::gpt2(), All(Delta<LoRA<4>, At<FusedQkv>>{}, prefix_of(3), prompt_of(2))) < 1e-10);
}

TEST_CASE("a side net beside a model that writes", "[generate]") {
  CHECK(cache::difference(cache::llama(), Method<SideNet<Read<GRU, 3>>>{}) < 1e-10);
  STATIC_REQUIRE(!decodes_by_row<Method<SideNet<Mean>>::Plain>());
  CHECK(cache::difference(cache::llama(), Method<SideNet<Mean>>{}) < 1e-10);
}

TEST_CASE("READ that reads a text's own scores sees all of its rows", "[generate]") {
  using Equation = Method<SideNet<Read<GRU, 3, Concatenated<OwnToken, SameSequence>>>>;
  STATIC_REQUIRE(!decodes_by_row<Equation::Plain>());
  CHECK(cache::difference(cache::llama(), Equation{}) < 1e-10);
}
