// SPDX-License-Identifier: Apache-2.0
// Tagging and choosing inside whole models: gradients in double, the cut of groups, what is ignored.
#include <peft/delta/lora.hpp>
#include <peft/task/choose.hpp>
#include <peft/task/tag.hpp>

#include "data_temporary.hpp"
#include "whole.hpp"

using namespace peft;

namespace {

/// Rows before every sequence, which have no label.
struct Rows {
  static constexpr Route route = Route::input;
  static constexpr Kind fits = Kind::input;
  template <class V>
  struct Params {
    V rows;
  };
  template <class V>
  struct Kept {};
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.trained("rows", p.rows, count(), m.out, normal(0.5));
  }
  Extent count() const { return 3; }
  auto rows(auto& p) const { return p.rows; }
};

template <class E = Host>
using TaggerOn = Model<Bert<double, E>, Method<Delta<LoRA<2>, At<Query, Value>>, Delta<Rows, At<Input>>>, Tag>;
template <class E = Host>
using ChooserOn = Model<Bert<double, E>, Method<Delta<LoRA<2>, At<Query, Value, Pooler>>>, Choose>;
using Tagger = TaggerOn<>;
using Chooser = ChooserOn<>;

/// Sequences of these lengths; every third token and the first and last of each have no label.
Batch tagged(const std::vector<int>& lengths, int labels = 4) {
  Batch b = tiny::batch(lengths);
  b.targets.clear();
  for (int s = 0; s < b.sequences(); ++s)
    for (int i = b.offsets[s]; i < b.offsets[s + 1]; ++i) {
      const bool inside = i > b.offsets[s] && i + 1 < b.offsets[s + 1];
      b.targets.push_back(inside && i % 3 != 0 ? (i * 5 + s) % labels : -100);
    }
  return b;
}

/// Examples of `choices` sequences each.
Batch choices_of(const std::vector<int>& lengths, int choices) {
  Batch b = tiny::batch(lengths);
  b.targets.clear();
  for (int e = 0; e < b.sequences() / choices; ++e) b.targets.push_back((2 * e + 1) % choices);
  return b;
}

template <class M>
void prove(M& model, const Batch& data) {
  for (const std::uint64_t seed : {1, 3}) gradients::expect_right(model, data, {.seed = seed, .workers = 2}, seed == 1);
  whole::one_step(model, data);
}

}  // namespace

TEST_CASE("the gradients of a tagger are those of its loss, with rows before every sequence too", "[task]") {
  double dropout = 0;
  for (const tiny::Size& size : tiny::sizes) {
    TaggerOn<Space> model(tiny::bert<double, Space>(size, dropout), {}, Tag{4});
    prove(model, tagged({3, 7, 1, 12, 5}));
    dropout = 0.2;
  }
}

TEST_CASE("the gradients of a chooser are those of its loss", "[task]") {
  double dropout = 0;
  for (const tiny::Size& size : tiny::sizes) {
    ChooserOn<Space> model(tiny::bert<double, Space>(size, dropout), {}, Choose{3});
    prove(model, choices_of({3, 7, 1, 12, 5, 6, 2, 9, 4}, 3));
    dropout = 0.2;
  }
}

TEST_CASE("a tagger's logits belong to tokens, whatever the groups and the rows before them", "[task]") {
  const tiny::Size size;
  Tagger model(tiny::bert(size), {}, Tag{{4, 0.5}});
  const Batch data = tagged({3, 7, 1, 12, 5});
  Engine<Tagger> engine(model, 2, {10, 2}), whole(model, 1, {1000, 1});
  const auto logits = engine.predict(data);
  REQUIRE(logits.size() == data.ids.size() * 4);
  const auto other = whole.predict(data);
  for (std::size_t i = 0; i < logits.size(); ++i) CHECK(std::abs(logits[i] - other[i]) < 1e-12);
  for (int s = 0; s < data.sequences(); ++s) {
    Batch alone;
    const auto from = data.ids.begin() + data.offsets[s], to = data.ids.begin() + data.offsets[s + 1];
    const std::vector<std::int32_t> ids(from, to),
        types(data.types.begin() + data.offsets[s], data.types.begin() + data.offsets[s + 1]);
    alone.add(ids, types, std::vector<double>(ids.size(), 0), data.examples[s]);
    const auto own = engine.predict(alone);
    for (std::size_t i = 0; i < own.size(); ++i) CHECK(std::abs(own[i] - logits[4 * data.offsets[s] + i]) < 1e-12);
  }
}

TEST_CASE("tokens without a label have no loss, and the mean is over those that have one", "[task]") {
  const tiny::Size size;
  Tagger model(tiny::bert(size), {}, Tag{4});
  Engine<Tagger> engine(model, 1);
  engine.prepare();
  Batch data = tagged({3, 7, 1, 12, 5});
  std::int64_t labelled = 0;
  for (const double t : data.targets) labelled += t >= 0;
  REQUIRE(labelled > 5);
  CHECK(engine.counted(data) == labelled);
  CHECK(engine.examples(data) == 5);
  const auto logits = engine.predict(data);
  double expected = 0;
  for (std::size_t i = 0; i < data.targets.size(); ++i) {
    if (data.targets[i] < 0) continue;
    double sum = 0;
    for (int k = 0; k < 4; ++k) sum += std::exp(logits[4 * i + k]);
    expected += std::log(sum) - logits[4 * i + static_cast<std::size_t>(data.targets[i])];
  }
  engine.zero_gradients();
  CHECK(std::abs(engine.accumulate(data, 1. / labelled, 1, false) - expected / labelled) < 1e-12);
  data.targets.assign(data.targets.size(), -1);
  engine.zero_gradients();
  CHECK(engine.accumulate(data, 1, 1, false) == 0);
  CHECK(engine.gradient_norm() == 0);
}

TEST_CASE("an example's choices stay in one group, and any number of workers gives the same", "[task]") {
  std::vector<std::int32_t> offsets{0};
  for (const int n : {5, 9, 2, 30, 1, 7, 8, 8, 3, 4, 12, 6}) offsets.push_back(offsets.back() + n);
  for (const int together : {2, 3, 4, 6})
    for (const int tokens : {1, 10, 40, 1000}) {
      const auto cuts = cut_groups(offsets, {tokens, 2}, 1, together);
      CHECK(cuts.back() == 12);
      for (const int c : cuts) CHECK(c % together == 0);
      CHECK(cuts.size() >= 3);  // a multiple of two groups
    }
  const tiny::Size size;
  Chooser model(tiny::bert(size, 0.1), {}, Choose{3});
  const Batch data = choices_of({3, 7, 1, 12, 5, 6, 2, 9, 4}, 3);
  std::vector<std::vector<double>> gradients;
  double first = 0;
  for (const int workers : {1, 2, 3}) {
    Engine<Chooser> engine(model, workers, {10, 2});
    engine.prepare(1, true);
    engine.zero_gradients();
    const double loss = engine.accumulate(data, 1. / 3, 1);
    if (workers == 1) first = loss;
    CHECK(loss == first);
    gradients.emplace_back(engine.total().data(), engine.total().data() + engine.total().size());
    CHECK(gradients.back() == gradients.front());
    CHECK(engine.counted(data) == 3);
    CHECK(engine.predict(data).size() == 9);
  }
}

TEST_CASE("targets that a task cannot take are refused", "[task]") {
  const tiny::Size size;
  Tagger tagger(tiny::bert(size), {}, Tag{4});
  Chooser chooser(tiny::bert(size), {}, Choose{3});
  Engine<Tagger> tags(tagger, 1);
  Engine<Chooser> choices(chooser, 1);
  const auto refused = [](auto& engine, const Batch& b, std::initializer_list<std::string_view> parts) {
    return missing_in_error([&] { engine.accumulate(b, 1, 1); }, parts);
  };
  Batch t = tagged({3, 7});
  t.targets[5] = 4;
  CHECK(refused(tags, t, {"example 5", "label 4", "0 to 3"}) == "");
  t.targets[5] = 1.5;
  CHECK(refused(tags, t, {"example 5", "1.5"}) == "");
  t.targets[5] = std::nan("");
  CHECK(refused(tags, t, {"example 5", "nan"}) == "");
  t.targets.pop_back();
  CHECK(refused(tags, t, {"9 targets for 10 tokens"}) == "");
  Batch c = choices_of({3, 7, 1, 2, 2, 2}, 3);
  c.targets[1] = 3;
  CHECK(refused(choices, c, {"the choice 3", "0 to 2"}) == "");
  c.targets.pop_back();
  CHECK(refused(choices, c, {"1 targets for 6 sequences"}) == "");
  Batch odd = tiny::batch({3, 7, 1, 2});
  CHECK(missing_in_error([&] { choices.predict(odd); }, {"4 sequences", "each 3 are one example"}) == "");
}
