// SPDX-License-Identifier: Apache-2.0
// The whole library for Kokkos::Cuda: every method for a tiny BERT with dropout, on the GPU and on the host, from the same
// values: losses, gradients, logits, optimizer steps and whole runs must agree. Where there is no GPU it only has to compile.
#include <peft/peft.hpp>

#include <cuda_runtime_api.h>

#include <cmath>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <vector>

using namespace peft;
using Device = Kokkos::Cuda;

namespace {

int failures = 0;

void check(const std::string& what, double difference, double tolerance) {
  const bool good = difference <= tolerance;  // false for NaN
  std::printf("%-44s %9.2e %s\n", what.c_str(), difference, good ? "" : "FAILED");
  failures += !good;
}

/// The largest |a - b| relative to the largest |b|.
template <class T>
double difference(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0, scale = 1e-3;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    worst = d <= worst ? worst : d;  // NaN stays
    if (std::isnan(d)) return d;
    scale = std::max(scale, std::abs(static_cast<double>(b[i])));
  }
  return worst / scale;
}

BertConfig small(BertActivation activation) {
  BertConfig c;
  c.hidden_size = 36;
  c.num_attention_heads = 3;
  c.num_hidden_layers = 3;
  c.intermediate_size = 52;
  c.vocab_size = 40;
  c.max_position_embeddings = 64;
  c.hidden_act = activation;
  return c;
}

Batch batch_of(const std::vector<int>& lengths, int labels, std::int64_t example) {
  Batch b;
  for (const int n : lengths) {
    Encoded e;
    for (int i = 0; i < n; ++i) {
      e.ids.push_back(static_cast<int>(rng::combine(rng::mix(3), 100 * example + i) % 40));
      e.types.push_back(2 * i > n);
    }
    e.target = labels > 1 ? static_cast<double>(example % labels) : 0.25 * static_cast<double>(example) - 1;
    b.add(e, example++);
  }
  return b;
}

/// Three batches, as `fit` reads them.
struct Data {
  int labels;
  std::int64_t steps(std::int64_t) const { return 3; }
  Batch batch(std::int64_t, std::int64_t step) const { return batch_of({5, 17, 1, 9, 30, 2}, labels, 10 * step); }
};

/// What one machine makes of a method.
struct Outcome {
  double loss = 0, penalty = 0, norm = 0;
  std::vector<float> logits, losses;
  std::map<std::string, std::vector<float>> gradients, values, trained;
};

/// Trained tensors by name, from the values or from a buffer laid out in the same way.
template <class M>
std::map<std::string, std::vector<float>> tensors(const M& model, const float* buffer) {
  std::map<std::string, std::vector<float>> out;
  for (const Field& f : model.layout().fields())
    if (f.role == Role::trained) out[f.name] = downloaded<typename M::E>(buffer + f.offset, static_cast<std::size_t>(f.size()));
  return out;
}

template <class E, class Method, class Task>
Outcome outcome(const Method& method, Task task, BertActivation activation) {
  using M = Model<Bert<float, E>, Method, Task>;
  M model(Bert<float, E>::random(small(activation), 5)->with_dropout(0.1, 0.1, 0.1), task, method);
  for (const Field& f : model.layout().fields()) {
    auto values = model.read(f);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] += static_cast<float>(0.3 * rng::normal(rng::combine(rng::mix(8), f.name), i));
    if (f.role != Role::derived) model.write(f, values);
  }
  Engine<M> engine(model, 1, {24, 2});
  const Data data{static_cast<int>(task.labels)};
  const Batch batch = data.batch(0, 0);
  Outcome o;
  engine.prepare(11, true);
  engine.zero_gradients();
  o.loss = engine.accumulate(batch, 1. / batch.sequences(), 11);
  o.penalty = engine.penalty();
  engine.finish_gradients();
  o.norm = engine.gradient_norm();
  o.logits = engine.predict(batch);
  o.gradients = tensors(model, engine.total().data());
  AdamW::State<float, E> adamw(model.layout());
  adamw.update({}, engine.worker(), model.layout(), model.buffer().data(), engine.total().data(), 1e-2, clip_factor(o.norm, 1));
  engine.after_step({1e-2, 1, 4});
  o.values = tensors(model, model.buffer().data());
  FitOptions options;
  options.epochs = 1;
  options.lr = 1e-3;
  options.clip = 1;
  options.accumulate = 2;
  const auto scores = [&] {
    const auto targets = std::vector<double>(batch.targets.begin(), batch.targets.end());
    return metric::score(metric::Kind::Accuracy, decide(engine.predict(batch), static_cast<std::size_t>(task.labels)), targets);
  };
  for (const double loss : fit(engine, data, options, scores).losses) o.losses.push_back(static_cast<float>(loss));
  o.trained = tensors(model, model.buffer().data());
  return o;
}

/// The optimizer divides by the root of the gradient's square: where the gradient is rounding noise, its step is noise too.
bool is_noise(const std::string& name) { return name.find("key.bias") != std::string::npos; }

void compare(const std::string& label, const Outcome& device, const Outcome& host) {
  check(label + ": loss", std::abs(device.loss - host.loss) / std::abs(host.loss), 1e-5);
  check(label + ": penalty", std::abs(device.penalty - host.penalty), 1e-5);
  check(label + ": gradient norm", std::abs(device.norm - host.norm) / host.norm, 1e-4);
  check(label + ": logits", difference(device.logits, host.logits), 1e-4);
  check(label + ": losses of a run", difference(device.losses, host.losses), 1e-4);
  double gradients = device.gradients.size() == host.gradients.size() ? 0 : INFINITY, values = 0, trained = 0;
  for (const auto& [name, gradient] : host.gradients) {
    if (is_noise(name)) continue;
    gradients = std::fmax(gradients, difference(device.gradients.at(name), gradient));
    values = std::fmax(values, difference(device.values.at(name), host.values.at(name)));
    trained = std::fmax(trained, difference(device.trained.at(name), host.trained.at(name)));
  }
  check(label + ": gradients", gradients, 1e-3);
  check(label + ": values after a step", values, 1e-3);
  check(label + ": values after a run", trained, 1e-3);
}

template <class Task, class Method>
void both(const std::string& label, const Method& method, Extent labels = 3, BertActivation activation = BertActivation::Gelu) {
  compare(label, outcome<Device>(method, Task{labels}, activation), outcome<Host>(method, Task{labels}, activation));
}

}  // namespace

int main() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::puts("skipped: there is no GPU to run the CUDA unit on");
    return 77;
  }
  const Kokkos::ScopeGuard kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  try {
    both<Classify>("head", Method<>{});
    both<Classify>("regression", Method<>{}, 1);
    both<Classify>("bitfit", Method<Delta<Bias>>{}, 2, BertActivation::GeluTanh);
    both<Classify>("lora", Method<Delta<LoRA<8>>>(Delta<LoRA<8>>{{.alpha = 8, .dropout = 0.2}}));
    both<Classify>("sora", Method<Delta<LoRA<Dynamic>, At<Linear>>, Gate<Proximal>>{});
    both<Classify>("full", Method<Delta<Full>>{});
    both<ClassifyMean>("lora, mean", Method<Delta<LoRA<8>>>{});
  } catch (const std::exception& error) {
    std::printf("FAILED: %s\n", error.what());
    return 1;
  }
  return failures == 0 ? 0 : 1;
}
