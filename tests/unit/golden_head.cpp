// SPDX-License-Identifier: Apache-2.0
#include <peft/method.hpp>

#include "golden.hpp"

using namespace peft;

TEST_CASE("training the head alone follows PyTorch", "[golden]") {
  golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / "head.safetensors", Classify{3},
                      Method<>{});
  golden::check<Bert>(golden::folder("tiny-bert-tanh"), golden::folder("tiny-bert-tanh") / "head.safetensors",
                      Classify{1}, Method<>{});
}

TEST_CASE("checkpoints stored in half precision give PyTorch's logits", "[golden]") {
  for (const char* checkpoint : {"tiny-bert-fp16", "tiny-bert-bf16"}) {
    INFO(checkpoint);
    const auto folder = golden::folder(checkpoint);
    const SafeTensors reference = SafeTensors::open(folder / "logits.safetensors");
    using M = Model<Bert<float>, Method<>>;
    M model(Bert<float>::open(folder), {}, Classify{3});
    CHECK(model.head_from_checkpoint());
    Engine<M> engine(model, 1);
    const Batch batch = golden::read_batch(reference, "batch");
    CHECK(golden::difference(engine.predict(batch), reference.at("logits").values<double>(), 0.1) < 1e-5);
  }
}
