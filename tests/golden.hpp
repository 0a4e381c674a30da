// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/safetensors.hpp>
#include <peft/model/bert.hpp>
#include <peft/train/engine.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "any_engine.hpp"
#include "catch.hpp"
#include "space.hpp"

/// Comparison of a whole method with PyTorch's numbers (tests/golden/make.py): logits, loss, every gradient, every
/// parameter after five optimizer steps, and the losses of twenty.
namespace golden {

std::filesystem::path folder(const std::string& checkpoint);

peft::Batch read_batch(const peft::SafeTensors& file, const std::string& name);

/// The largest |a - b| relative to the largest |b| of the tensor, or to `floor` where that is larger.
double difference(const std::vector<double>& a, const std::vector<double>& b, double floor);
inline double difference(const std::vector<float>& a, const std::vector<double>& b, double floor) {
  return difference(std::vector<double>(a.begin(), a.end()), b, floor);
}

/// A key bias has no gradient in exact arithmetic (softmax ignores it), nor has the bias that all choices share: both
/// sides compute noise, which Adam turns into steps.
bool is_noise(const std::string& name, int together);

/// A tensor of the file, (rows, cols) as the model has it: weights of GPT-2 are stored the other way round.
std::vector<double> reference(const peft::SafeTensors& file, const std::string& kind, const peft::Field& f,
                              bool transposed);

struct Tolerance {
  double forward = 1e-5, gradient = 1e-4, parameters = 1e-4, losses = 1e-4;
};

/// What the comparison asks of a model beside its engine.
struct Subject {
  untyped::AnyEngine& engine;
  int together;  // sequences that make up an example
  std::function<std::vector<double>(const peft::Batch&)> predict;
  std::function<bool(const std::string&)> transposed;
};
void check(const Subject& model, const peft::SafeTensors& file, const Tolerance& tolerance);

template <class Tested, class Method, class Task>
void check(std::shared_ptr<const Tested> backbone, const std::filesystem::path& path, Task task, Method method,
           int workers = 2, Tolerance tolerance = {}) {
  using M = peft::Model<Tested, Method, Task>;
  const auto file = peft::SafeTensors::open(path);
  M model(backbone->with_dropout(0, 0, 0), method, task);
  peft::Engine<M> engine(model, workers, {40, 2});
  untyped::EngineOn<M> training(engine);
  const auto predict = [&](const peft::Batch& batch) {
    const auto logits = engine.predict(batch);
    return std::vector<double>(logits.begin(), logits.end());
  };
  check({training, task.together(), predict,
         [&](const std::string& name) { return model.backbone().store().transposed(name); }},
        file, tolerance);
}
template <template <class, peft::ExecutionSpace> class Backbone, class Method, class Task = peft::Classify>
void check(const std::filesystem::path& model_folder, const std::filesystem::path& path, Task task, Method method,
           int workers = 2, Tolerance tolerance = {}) {
  check(Backbone<float, Space>::open(model_folder), path, task, method, workers, tolerance);
}

}  // namespace golden
