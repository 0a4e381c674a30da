// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/diff_pruning.hpp>
#include <peft/delta/dora.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/lora.hpp>
#include <peft/model/t5.hpp>
#include <peft/task/language_model.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

/// The losses of some steps, without dropout.
template <class Backbone, class Method, class Task>
std::vector<double> losses(std::shared_ptr<const Backbone> backbone, const std::filesystem::path& file, Method method,
                           Task task) {
  using M = Model<Backbone, Method, Task>;
  M model(backbone->with_dropout(0, 0, 0), method, task);
  Engine<M> engine(model, 2, {40, 2});
  untyped::EngineOn<M> made(engine);
  untyped::AnyEngine& training = made;
  training.restart(AdamW{.lr = 1e-3});
  const Batch batch = golden::read_batch(SafeTensors::open(file), "batch");
  std::vector<double> all;
  for (int i = 0; i < 4; ++i) {
    training.prepare();
    training.zero_gradients();
    all.push_back(training.accumulate(batch, 1. / static_cast<double>(training.counted(batch)), 1, false));
    training.finish_gradients();
    training.update();
  }
  return all;
}

/// A checkpoint of float whose weights are kept as bf16, beside what PyTorch found in float: each is off by up to 2^-9.
/// Beside the same numbers as float there is no difference but that of sums in another order.
template <template <class, ExecutionSpace> class Backbone, class Method, class Task>
void follows(const char* checkpoint, const char* name, Method method, Task task, double gradient) {
  using Tested = Backbone<float, Space>;
  const auto file = golden::folder(checkpoint) / name;
  const auto exact = Tested::open(golden::folder(checkpoint)), narrow = exact->stored_as(DType::BF16),
             rounded = narrow->stored_as(DType::F32);
  std::size_t narrowed = 0, all = 0;
  for (const auto& [tensor, kept] : narrow->store().tensors()) {
    all += kept.size();
    if (kept.plain()) continue;
    narrowed += kept.size();
    CHECK(2 * kept.bytes() == exact->store().at(tensor).bytes());
    CHECK(host_values(kept) == host_values(rounded->store().at(tensor)));
  }
  CHECK(4 * narrowed > 3 * all);
  golden::check(narrow, file, task, method, 2,
                {.forward = 3e-2, .gradient = gradient, .parameters = 5e-2, .losses = 2e-2});
  const auto found = losses(narrow, file, method, task), wanted = losses(rounded, file, method, task);
  CHECK(golden::difference(found, wanted, 0) < 1e-6);
}

}  // namespace

TEST_CASE("weights stored as bf16 under LoRA give what float's do, to bf16's accuracy", "[golden]") {
  using Lora = Method<Delta<LoRA<4>, At<Query, Value>>>;
  Lora lora;
  std::get<0>(lora.deltas).delta.alpha = 8;
  follows<Bert>("tiny-bert", "lora.safetensors", lora, Classify{3}, 0.05);
  // Of these two, one reads words off with its table, and the other with a head of its own.
  for (const char* t5 : {"tiny-t5-v1.0", "tiny-t5-v1.1"})
    follows<T5>(t5, "lora.safetensors", Method<Delta<LoRA<4>>>(Delta<LoRA<4>>{{.alpha = 8}}), LanguageModel{}, 0.2);
}

TEST_CASE("DoRA's norms and diff pruning's sums are of the numbers that bf16 stands for", "[golden]") {
  using Both = Method<Delta<DoRA<3>, At<Query, FfnDown>>, Delta<DiffPruning, At<Value>>>;
  const auto exact = Bert<float, Space>::open(golden::folder("tiny-bert"));
  const auto file = golden::folder("tiny-bert") / "lora.safetensors";
  const auto narrow = exact->stored_as(DType::BF16);
  const auto found = losses(narrow, file, Both{}, Classify{3}), of_float = losses(exact, file, Both{}, Classify{3});
  CHECK(golden::difference(found, losses(narrow->stored_as(DType::F32), file, Both{}, Classify{3}), 0) < 1e-6);
  CHECK(golden::difference(found, of_float, 0) > 1e-6);
}

TEST_CASE("a delta that trains the weights themselves replaces those of bf16 by its own", "[golden]") {
  follows<T5>("tiny-t5-v1.0", "full.safetensors", Method<Delta<Full>>{}, LanguageModel{}, 0.01);
}
