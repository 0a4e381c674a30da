// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>

#include "unit/engine_tiny.hpp"

using namespace peft;

namespace {

using Refused = Method<Delta<LoRA<2>, At<Query>>>;
using RefusedModel = Model<Bert<double>, Refused>;

template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "nothing was refused";
}
bool says(const std::string& text, const std::string& part) {
  UNSCOPED_INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("batches that do not fit the model are refused in words", "[engine]") {
  RefusedModel model(tiny::bert(), {}, {3});
  Engine<RefusedModel> engine(model, 2, {24, 2});
  const auto refused = [&](auto&& spoil) {
    Batch b = tiny::batch({4, 6, 5});
    spoil(b);
    return refusal([&] { engine.accumulate(b, 1, 1); });
  };
  CHECK(says(refused([](Batch& b) { b.ids[7] = 20; }), "token id 20 is outside the backbone's vocabulary of 20"));
  CHECK(says(refused([](Batch& b) { b.ids[0] = -1; }), "token id -1"));
  CHECK(says(refused([](Batch& b) { b.types[3] = 2; }), "segment type 2 of a backbone with 2 types"));
  CHECK(
      says(refused([](Batch& b) { b.targets[1] = 3; }), "example 5: the label 3 is out of range: classes are 0 to 2"));
  CHECK(says(refused([](Batch& b) { b.targets[2] = 0.5; }), "label 0.5"));
  CHECK(says(refused([](Batch& b) { b.targets[0] = -1; }), "label -1"));
  CHECK(says(refused([](Batch& b) { b.targets[0] = std::nan(""); }), "label nan"));
  CHECK(says(refused([](Batch& b) { b = tiny::batch({4, 81}); }),
             "a sequence of 81 tokens is longer than the backbone's 80 positions"));
  CHECK(says(refused([](Batch& b) { b.offsets[1] = 0; }), "sequence 0 of a batch is empty"));
  CHECK(says(refused([](Batch& b) { b = Batch(); }), "a batch without sequences"));
  // And after all that it works.
  CHECK(std::isfinite(engine.accumulate(tiny::batch({80, 1}), 1, 1)));

  RefusedModel score(tiny::bert(), {}, {1});
  Engine<RefusedModel> regression(score, 1);
  Batch b = tiny::batch({4}, 1);
  b.targets[0] = std::numeric_limits<double>::infinity();
  CHECK(says(refusal([&] { regression.accumulate(b, 1, 1); }), "the score inf is not a finite number"));
}

TEST_CASE("choices made at run time are checked when a method is attached", "[engine]") {
  const auto attach = [](auto&& change) {
    Refused method;
    change(std::get<0>(method.deltas));
    return refusal([&] { RefusedModel(tiny::bert(), method, {3}); });
  };
  CHECK(says(attach([](auto& d) { d.layers = {1, 3}; }), "Layers<1, 3>: the backbone has layers 0 to 1"));
  CHECK(says(attach([](auto& d) { d.layers = {-1, 1}; }), "Layers<-1, 1>"));
  CHECK(says(attach([](auto& d) { d.layers = {1, 1}; }), "Layers<1, 1>"));
  CHECK(says(refusal([] { RefusedModel(tiny::bert(), {}, {0}); }), "labels = 0"));
}
