// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/full.hpp>
#include <peft/delta/lora.hpp>
#include <peft/model/peft_files.hpp>
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
template <class A>
std::vector<float> numbers(const A& adapter) {
  return {adapter.buffer().data(), adapter.buffer().data() + adapter.buffer().size()};
}
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
