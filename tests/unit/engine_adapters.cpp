// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/full.hpp>
#include <peft/delta/lora.hpp>
#include <peft/delta/prefix.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/delta/vera.hpp>
#include <peft/model/gpt2.hpp>
#include <peft/model/peft_files.hpp>
#include <peft/side/gru.hpp>
#include <peft/side/read.hpp>
#include <peft/task/language_model.hpp>
#include <peft/train/engine.hpp>

#include <memory>
#include <utility>

#include "unit/engine_tiny.hpp"
#include "unit/io_temporary.hpp"

using namespace peft;

namespace {

using Tuned = Method<Delta<LoRA<Dynamic>, At<Query, Value>>, Delta<Full, At<AttnNorm>>>;  // PEFT has no files for it
using M = Model<Bert<float>, Tuned>;
using Adapter = M::Adapter;

Tuned method(int rank, LayerRange layers = {}) {
  Tuned m;
  auto& lora = std::get<0>(m.deltas);
  lora.delta.rank = rank;
  lora.delta.dropout = 0.1;
  lora.layers = layers;
  return m;
}
/// An adapter whose numbers are all away from where they began.
template <class A>
A disturbed(A adapter, std::uint64_t seed) {
  for (const Field& f : adapter.layout().fields()) {
    auto values = adapter.read(f);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] += static_cast<float>(0.3 * rng::normal(rng::combine(seed, f.name), i));
    adapter.write(f, values);
  }
  return adapter;
}
std::vector<float> numbers(const Memory<float>& buffer) { return {buffer.data(), buffer.data() + buffer.size()}; }
template <class Any>
std::vector<float> logits(Any& model, const Batch& batch) {
  Engine<Any> engine(model, 2, {20, 1});
  engine.prepare();
  return engine.predict(batch);
}
template <class A>
std::vector<float> logits_on(const std::shared_ptr<const Bert<float>>& backbone, const A& adapter, const Batch& batch) {
  Model<Bert<float>, typename A::Method> model(backbone, std::make_shared<A>(adapter));
  return logits(model, batch);
}

template <class Own>
void check_alone(const Own& own) {
  using A = AdapterFor<Bert<float>, Own>;
  const auto backbone = tiny::bert<float>();
  const Batch batch = tiny::batch({2, 7, 3, 12});
  Model<Bert<float>, Own> model(backbone, own, Classify{3}, 3);
  model.adapter() = disturbed(model.adapter(), 1);
  const auto wanted = logits(model, batch);

  // Made of a backbone that is gone before anything else happens.
  const auto make = [&](std::uint64_t seed) { return A(*tiny::bert<float>(), own, Classify{3}, seed); };
  A made = disturbed(make(3), 1);
  CHECK(made.trainable() == model.trainable());
  CHECK(logits_on(backbone, made, batch) == wanted);

  const Temporary folder;
  save(made, folder.path());
  A loaded = make(77);
  CHECK(logits_on(backbone, loaded, batch) != wanted);
  CHECK(load(loaded, folder.path()).empty());
  CHECK(logits_on(backbone, loaded, batch) == wanted);

  A copy = loaded, assigned = make(78);
  assigned = loaded;
  for (const Field& f : loaded.layout().fields()) loaded.write(f, std::vector<float>(std::size_t(f.size()), 0.5f));
  const A moved = std::move(copy);
  CHECK(logits_on(backbone, moved, batch) == wanted);
  CHECK(logits_on(backbone, assigned, batch) == wanted);
}

}  // namespace

TEST_CASE("an adapter is made, saved, loaded, copied and moved without a model", "[engine]") {
  check_alone(method(3));                                   // in our own file
  check_alone(Method<Delta<LoRA<2>, At<Query, Value>>>());  // in PEFT's
}

TEST_CASE("nothing is copied when an adapter is attached, and one that does not fit is refused", "[engine]") {
  const auto backbone = tiny::bert<float>();
  const auto adapter = std::make_shared<Adapter>(*backbone, method(2), Classify{3});
  M one(backbone, adapter), two(backbone->with_dropout(0, 0, 0), adapter);
  CHECK(one.buffer().data() == adapter->buffer().data());
  CHECK(two.buffer().data() == adapter->buffer().data());
  CHECK(lacks(error_of([&] { M(tiny::bert<float>({18, 2, 2, 20}), adapter); }), {"takes 18", "made for", "takes 12"}) ==
        "");
  CHECK(lacks(error_of([&] { M(tiny::bert<float>({12, 2, 1, 20}), adapter); }), {"layer.1", "has not"}) == "");
  CHECK(lacks(error_of([&] { one.attach(std::make_shared<Adapter>(*backbone, method(2), Classify{2})); }),
              {"2 outputs", "3"}) == "");
  CHECK(lacks(error_of([&] { one.adapter(1); }), {"adapter 1"}) == "");
}

namespace {

/// Adapters of one type, but of other ranks, layers and heads, on one backbone.
struct Two {
  std::shared_ptr<const Bert<float>> backbone = tiny::bert<float>({}, 0.1);
  std::shared_ptr<Adapter> adapters[2] = {std::make_shared<Adapter>(make(method(2), 1)),
                                          std::make_shared<Adapter>(make(method(5, {1, 2}), 2))};

  Adapter make(const Tuned& own, std::uint64_t seed) const {
    return disturbed(Adapter(*backbone, own, Classify{3}, seed), seed);
  }
};
/// Sequences of ten tokens: two make a group.
Batch tens(int sequences) { return tiny::batch(std::vector<int>(static_cast<std::size_t>(sequences), 10)); }
constexpr Grouping pairs_of_tens{20, 1};

/// One step of an adapter on a batch; its loss.
double train(Engine<M>& engine, int adapter, AdamW::State<float, Host>& state, const Batch& batch, std::uint64_t seed) {
  auto& on = engine.on(adapter);
  on.zero_gradients();
  on.prepare(seed, true);
  const double loss = engine.accumulate(batch, 1. / batch.sequences(), seed, true, adapter);
  on.finish_gradients();
  auto& own = on.adapter();
  state.update({}, engine.worker(), own.layout(), own.buffer().data(), on.total().data(), 1e-2, 1);
  return loss;
}

}  // namespace

TEST_CASE("two adapters alternate on one model group by group, and each gives what it gives alone", "[engine]") {
  const Two two;
  M both(two.backbone, two.adapters[0]);
  REQUIRE(both.attach(two.adapters[1]) == 1);
  Engine<M> engine(both, 2, pairs_of_tens);
  engine.prepare();
  const Batch batch = tens(8);
  const std::vector<int> which = {0, 0, 1, 1, 0, 0, 1, 1};
  const auto mixed = engine.predict(batch, which);
  for (int i = 0; i < 2; ++i) {
    M alone(two.backbone, std::make_shared<Adapter>(*two.adapters[i]));
    Engine<M> one(alone, 2, pairs_of_tens);
    one.prepare();
    const auto wanted = one.predict(batch);
    CHECK(engine.predict(batch, i) == wanted);
    for (std::size_t s = 0; s < which.size(); ++s)
      if (which[s] == i)
        for (std::size_t k = 3 * s; k < 3 * s + 3; ++k) CHECK(mixed[k] == wanted[k]);
  }
}

TEST_CASE("two adapters trained in turns give the losses and values that each gives alone", "[engine]") {
  const Two two;
  std::vector<double> losses[2];
  std::vector<float> values[2];
  for (int i = 0; i < 2; ++i) {
    M alone(two.backbone, std::make_shared<Adapter>(*two.adapters[i]));
    Engine<M> engine(alone, 2, pairs_of_tens);
    AdamW::State<float, Host> state(alone.layout());
    for (int step = 0; step < 3; ++step) losses[i].push_back(train(engine, 0, state, tens(4 + 2 * i + step), 7 + step));
    values[i] = numbers(alone.buffer());
  }
  M both(two.backbone, two.adapters[0]);
  both.attach(two.adapters[1]);
  Engine<M> engine(both, 2, pairs_of_tens);
  AdamW::State<float, Host> states[] = {AdamW::State<float, Host>(both.adapter(0).layout()),
                                        AdamW::State<float, Host>(both.adapter(1).layout())};
  for (int step = 0; step < 3; ++step)
    for (int i = 0; i < 2; ++i)
      CHECK(train(engine, i, states[i], tens(4 + 2 * i + step), 7 + step) == losses[i][static_cast<std::size_t>(step)]);
  for (int i = 0; i < 2; ++i) CHECK(numbers(both.adapter(i).buffer()) == values[i]);
}

TEST_CASE("the groups of one batch give each adapter its own gradient", "[engine]") {
  const Two two;
  M both(two.backbone, two.adapters[0]);
  both.attach(two.adapters[1]);
  Engine<M> engine(both, 2, pairs_of_tens);
  engine.prepare(7, true);
  const Batch batch = tens(8);
  const std::vector<int> which = {0, 0, 1, 1, 1, 1, 0, 0};
  const double loss = engine.accumulate(batch, 0.125, 7, true, which);
  double sum = 0;
  for (int i = 0; i < 2; ++i) {
    M alone(two.backbone, two.adapters[i]);
    Engine<M> one(alone, 2, pairs_of_tens);
    one.prepare(7, true);
    Batch part;
    for (int s = 0; s < 8; ++s)
      if (which[static_cast<std::size_t>(s)] == i)
        part.add(std::span(batch.ids).subspan(static_cast<std::size_t>(10 * s), 10),
                 std::span(batch.types).subspan(static_cast<std::size_t>(10 * s), 10), batch.targets[std::size_t(s)],
                 batch.examples[std::size_t(s)]);
    sum += one.accumulate(part, 0.125, 7, true);
    CHECK(numbers(engine.on(i).total()) == numbers(one.total()));
  }
  CHECK(loss == Approx(sum));
  CHECK(lacks(error_of([&] { engine.predict(batch, std::vector<int>{0, 1}); }), {"2 numbers", "8 sequences"}) == "");
  CHECK(lacks(error_of([&] { engine.predict(batch, 2); }), {"adapter 2", "2"}) == "");
}

namespace {

/// An adapter without places among others is the backbone with its head alone.
template <class Backbone, class Own, class Task>
void check_none(const std::shared_ptr<const Backbone>& backbone, const Task& task, const Batch& batch) {
  using Many = Model<Backbone, Own, Task>;
  using Bare = Model<Backbone, Method<>, Task>;
  using A = typename Many::Adapter;
  Bare bare(backbone, std::make_shared<typename Bare::Adapter>(*backbone, Method<>(), task, 3));
  const auto wanted = logits(bare, batch);
  Many model(backbone, std::make_shared<A>(disturbed(A(*backbone, Own(), task, 1), 1)));
  const int none = model.attach(std::make_shared<A>(A::none(*backbone, task, 3)));
  CHECK(model.adapter(none).trainable() == bare.trainable());
  Engine<Many> engine(model, 2, {20, 1});
  engine.prepare();
  CHECK(engine.predict(batch, none) == wanted);
  CHECK(engine.predict(batch) != wanted);
}

}  // namespace

TEST_CASE("a group may run with no adapter: the backbone's own logits", "[engine]") {
  using Deltas = Method<Delta<VeRA>, Delta<LoRA<2>, At<FfnUp>>, Delta<Prefix>, Delta<Prompt>>;
  check_none<Bert<float>, Deltas>(tiny::bert<float>(), Classify{3}, tiny::batch({2, 7, 3, 12}));
  check_none<Bert<float>, Method<SideNet<Read<GRU>>>>(tiny::bert<float>(), Classify{3}, tiny::batch({2, 7, 3, 12}));
  Gpt2Config c;
  c.n_embd = 12;
  c.n_head = 2;
  c.n_inner = 20;
  c.n_layer = 3;
  c.n_positions = 40;
  c.vocab_size = 60;
  check_none<Gpt2<float>, Method<Delta<LoRA<2>, At<FusedQkv>>>>(Gpt2<float>::random(c, 5), LanguageModel(),
                                                                tiny::batch({2, 7, 3, 12}));
}
