// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/safetensors.hpp>
#include <peft/model/bert.hpp>
#include <peft/train/engine.hpp>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "catch.hpp"

/// Comparison of a whole method with PyTorch's numbers (tests/golden/make.py): logits, loss, every gradient, every parameter
/// after five optimizer steps, and the losses of twenty.
namespace golden {

inline std::filesystem::path folder(const std::string& checkpoint) {
  return std::filesystem::path(PEFT_SOURCE_DIR) / "tests/golden/data" / checkpoint;
}

inline peft::Batch read_batch(const peft::SafeTensors& file, const std::string& name) {
  peft::Batch b;
  b.offsets = file.at(name + ".offsets").values<std::int32_t>();
  b.ids = file.at(name + ".ids").values<std::int32_t>();
  if (file.find(name + ".types") != nullptr) b.types = file.at(name + ".types").values<std::int32_t>();
  b.types.resize(b.ids.size(), 0);
  if (file.find(name + ".decoder_ids") != nullptr) {
    b.decoder_offsets = file.at(name + ".decoder_offsets").values<std::int32_t>();
    b.decoder_ids = file.at(name + ".decoder_ids").values<std::int32_t>();
  }
  b.targets = file.at(name + ".targets").values<double>();
  for (int i = 0; i < b.sequences(); ++i) {
    b.examples.push_back(i);
    int slot = 0;  // of the tiny checkpoints' [CLS] and [SEP]
    for (int k = b.offsets[i]; k < b.offsets[i + 1]; ++k) b.slots.push_back(b.ids[k] == 2 || b.ids[k] == 3 ? slot++ : -1);
  }
  return b;
}

/// The largest |a - b| relative to the largest |b| of the tensor, or to `floor` where that is larger.
template <class T>
double difference(const std::vector<T>& a, const std::vector<double>& b, double floor) {
  REQUIRE(a.size() == b.size());
  double worst = 0, scale = floor;
  for (const double v : b) scale = std::max(scale, std::abs(v));
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - b[i]);
    worst = std::isnan(d) ? 1e30 : std::max(worst, d);
  }
  return worst / scale;
}

/// A key bias has no gradient in exact arithmetic (softmax ignores it), nor has the bias that all choices share: both sides
/// compute noise, which Adam turns into steps.
inline bool is_noise(const std::string& name, int together) {
  return name.find("key.bias") != std::string::npos || (together > 1 && name == "classifier.bias");
}

/// The gradient that PyTorch found, where it is noise of that kind.
inline bool is_noise(const std::vector<double>& gradient) {
  double largest = 0;
  for (const double g : gradient) largest = std::max(largest, std::abs(g));
  return largest < 1e-6;
}
/// The biases of queries, keys and values as one vector: the keys' are noise.
inline bool has_noise(const std::string& name) { return name.ends_with("c_attn.bias"); }

/// What the files call a tensor: their rows and prefixes have no place of their own in a causal model or T5.
inline std::string in_file(std::string name) {
  if (name == "input.prompt") return "encoder.prompt";
  for (const std::string part : {".input.prompt", ".prefix.prefix."})
    if (const auto at = name.find(part); at != std::string::npos) name.erase(at, part == ".input.prompt" ? 6 : 7);
  return name;
}

/// A tensor of the file, (rows, cols) as the model has it: weights of GPT-2 are stored the other way round.
template <class M>
std::vector<double> reference(const M& model, const peft::SafeTensors& file, const std::string& kind, const peft::Field& f) {
  std::vector<double> values = file.at(kind + in_file(f.name)).template values<double>();
  if (!model.backbone().store().transposed(f.name)) return values;
  std::vector<double> turned(values.size());
  for (peft::Extent i = 0; i < f.rows; ++i)
    for (peft::Extent j = 0; j < f.cols; ++j) turned[static_cast<std::size_t>(i * f.cols + j)] = values[static_cast<std::size_t>(j * f.rows + i)];
  return turned;
}

struct Tolerance {
  double forward = 1e-5, gradient = 1e-4, parameters = 1e-4, losses = 1e-4;
};

template <class Backbone, class Method, class Task = peft::Classify>
void check(const std::filesystem::path& model_folder, const std::filesystem::path& path, Task task, Method method,
           int workers = 2, Tolerance tolerance = {}) {
  using namespace peft;
  using M = Model<Backbone, Method, Task>;
  using T = typename M::T;
  const SafeTensors file = SafeTensors::open(path);
  M model(Backbone::open(model_folder)->with_dropout(0, 0, 0), task, method);
  Engine<M> engine(model, workers, {40, 2});
  const auto trained = [&](auto&& f) {
    for (const Field& field : model.layout().fields())
      if (field.role == Role::trained) f(field);
  };
  std::size_t expected = 0;
  for (const std::string& name : file.names()) expected += name.rfind("init.", 0) == 0;
  std::size_t found = 0;
  trained([&](const Field&) { ++found; });
  REQUIRE(found == expected);

  const auto reset = [&] {
    trained([&](const Field& f) {
      INFO(f.name);
      const auto values = reference(model, file, "init.", f);
      model.write(f, std::vector<T>(values.begin(), values.end()));
    });
    for (const Field& f : model.layout().fields())
      if (f.role == Role::state && f.init.kind == Init::constant) model.write(f, std::vector<T>(static_cast<std::size_t>(f.size()), static_cast<T>(f.init.scale)));
    engine.prepare();
  };
  const AdamW adamw{.lr = 1e-3};
  const auto accumulate = [&](const Batch& b) {
    engine.zero_gradients();
    const double loss = engine.accumulate(b, 1. / static_cast<double>(engine.counted(b)), 1, false);
    engine.finish_gradients();
    return loss;
  };
  std::optional<AdamW::State<T, typename M::E>> state;
  const auto step = [&](const Batch& b) {
    const double loss = accumulate(b);
    state->update(adamw, engine.worker(), model.layout(), model.buffer().data(), engine.total().data(), adamw.lr, 1);
    engine.after_step({adamw.lr, state->steps(), 20});
    engine.prepare();
    return loss;
  };

  const Batch batch = read_batch(file, "batch");
  reset();
  CHECK(difference(engine.predict(batch), file.at("logits").values<double>(), 0.1) < tolerance.forward);
  const double loss = accumulate(batch), wanted = file.at("loss").values<double>()[0];
  CHECK(std::abs(loss - wanted) < tolerance.forward * std::abs(wanted));
  trained([&](const Field& f) {
    INFO(f.name);
    std::vector<T> g(engine.total().data() + f.offset, engine.total().data() + f.offset + f.size());
    const auto wanted_gradient = reference(model, file, "grad.", f);
    if (is_noise(f.name, task.together()) || is_noise(wanted_gradient)) {
      CHECK(difference(g, wanted_gradient, 1.) < 1e-5);
      return;
    }
    CHECK(difference(g, wanted_gradient, 1e-3) < tolerance.gradient);
    // The comparison can fail: the flipped gradient is refused.
    for (T& v : g) v = -v;
    CHECK(difference(g, wanted_gradient, 1e-3) > tolerance.gradient);
  });

  reset();
  state.emplace(model.layout());
  for (int i = 0; i < 5; ++i) step(batch);
  trained([&](const Field& f) {
    INFO(f.name);
    const double d = difference(model.read(f), reference(model, file, "after5.", f), 0.1);
    const bool noise = is_noise(f.name, task.together()) || is_noise(reference(model, file, "grad.", f)) || has_noise(f.name);
    CHECK(d < (noise ? 0.1 : tolerance.parameters));
  });

  if (file.find("losses") == nullptr) return;
  reset();
  state.emplace(model.layout());
  const auto losses = file.at("losses").values<double>();
  std::vector<Batch> cycle;
  for (int i = 0; i < 4; ++i) cycle.push_back(read_batch(file, "batch" + std::to_string(i)));
  for (std::size_t i = 0; i < losses.size(); ++i) {
    INFO("step " << i);
    CHECK(std::abs(step(cycle[i % 4]) - losses[i]) < tolerance.losses * std::abs(losses[i]));
  }
}

}  // namespace golden
