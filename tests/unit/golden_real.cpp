// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/bias.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/sora.hpp>

#include <cstdlib>
#include <iostream>

#include "golden.hpp"

using namespace peft;

// A downloaded checkpoint against `tests/golden/make.py --real`. Two variables say where they are: PEFT_GOLDEN_REAL,
// the folder that it wrote, and PEFT_GOLDEN_REAL_MODEL, the checkpoint.

namespace {

/// Logits, loss, gradients (or their norms) at the start, and the losses of twenty optimizer steps.
template <class Method>
void check_real(const std::string& name, Method method, double lr = 1e-3) {
  const char *golden_folder = std::getenv("PEFT_GOLDEN_REAL"), *model_folder = std::getenv("PEFT_GOLDEN_REAL_MODEL");
  if (golden_folder == nullptr || model_folder == nullptr) {
    std::cout << "skipped: the real checkpoint against PyTorch's losses (scripts/test --peer)\n";
    return;
  }
  using M = Model<Bert<float>, Method>;
  const SafeTensors file = SafeTensors::open(std::filesystem::path(golden_folder) / (name + ".safetensors"));
  M model(Bert<float>::open(model_folder)->with_dropout(0, 0, 0), method, Classify{2});
  Engine<M> engine(model, 2);
  std::size_t set = 0, known = 0;
  for (const std::string& tensor : file.names()) known += tensor.starts_with("init.");
  for (const Field& f : model.layout().fields())
    if (const TensorRef* init = file.find("init." + f.name)) {
      model.write(f, init->values<float>());
      ++set;
    }
  REQUIRE(set == known);
  engine.prepare();
  const auto accumulate = [&](const Batch& b) {
    engine.zero_gradients();
    const double loss = engine.accumulate(b, 1. / b.sequences(), 1, false);
    engine.finish_gradients();
    return loss;
  };

  const Batch batch = golden::read_batch(file, "batch");
  CHECK(golden::difference(engine.predict(batch), file.at("logits").values<double>(), 0.1) < 1e-5);
  const double loss = accumulate(batch), wanted = file.at("loss").values<double>()[0];
  CHECK(std::abs(loss - wanted) < 1e-5 * wanted);
  double gradients = 0;
  for (const Field& f : model.layout().fields()) {
    if (golden::is_noise(f.name, 1)) continue;
    const std::vector<float> g(engine.total().data() + f.offset, engine.total().data() + f.offset + f.size());
    if (const TensorRef* whole = file.find("grad." + f.name)) {
      gradients = std::max(gradients, golden::difference(g, whole->values<double>(), 1e-3));
    } else {
      double squares = 0;
      for (const float x : g) squares += double(x) * double(x);
      const double norm = file.at("norm.grad." + f.name).values<double>()[0];
      gradients = std::max(gradients, std::abs(std::sqrt(squares) - norm) / std::max(norm, 1e-3));
    }
  }
  CHECK(gradients < 1e-4);

  AdamW::State<float, typename M::E> state(model.layout());
  const auto losses = file.at("losses").values<double>();
  REQUIRE(losses.size() == 20);
  std::vector<Batch> cycle;
  for (int i = 0; i < 4; ++i) cycle.push_back(golden::read_batch(file, "batch" + std::to_string(i)));
  double worst = 0;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const double ours = accumulate(cycle[i % 4]);
    worst = std::max(worst, std::abs(ours - losses[i]) / losses[i]);
    state.update({}, engine.worker(), model.layout(), model.buffer().data(), engine.total().data(), lr, 1);
    engine.after_step({lr, state.steps(), 20});
    engine.prepare();
  }
  CHECK(worst < 1e-4);
  CHECK(losses.back() != losses[3]);
  std::cout << "real checkpoint, " << name << ": losses of twenty steps differ from PyTorch's by " << worst
            << " at the most, gradients by " << gradients << "\n";
}

}  // namespace

TEST_CASE("the head alone on the real checkpoint follows PyTorch", "[golden][real]") { check_real("head", Method<>{}); }

TEST_CASE("BitFit on the real checkpoint follows PyTorch", "[golden][real]") {
  check_real("bitfit", Method<Delta<Bias>>{});
}

TEST_CASE("LoRA on the real checkpoint follows PEFT", "[golden][real]") {
  check_real("lora", Method<Delta<LoRA<8>>>{});
}

TEST_CASE("SoRA on the real checkpoint follows PyTorch", "[golden][real]") { check_real("sora", SoRA<8>{}); }

TEST_CASE("full fine-tuning of the real checkpoint follows PyTorch", "[golden][real]") {
  check_real("full", Method<Delta<Full>>{}, 2e-5);
}
