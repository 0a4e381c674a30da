// SPDX-License-Identifier: Apache-2.0
// Everything in peft.hpp compiled for Kokkos::Cuda, and five methods (head, BitFit, LoRA, SoRA, full fine-tuning) of a
// tiny BERT with dropout on the GPU and on the host, from the same values: losses, gradients, logits, optimizer steps
// and whole runs must agree. Where there is no GPU it only has to compile.
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

void expect(const std::string& what, double difference, double tolerance) {
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

/// Its epsilon is large, or it would turn the rounding noise of a gradient that is nearly zero into whole steps.
constexpr AdamW steady{.epsilon = 1e-2};

/// What one machine makes of a method.
struct Outcome {
  double loss = 0, penalty = 0, norm = 0;
  std::vector<float> logits, losses;
  std::map<std::string, std::vector<float>> gradients, values, trained, merged;
};

/// Trained tensors by name, from the values or from a buffer laid out in the same way.
template <class M>
std::map<std::string, std::vector<float>> tensors(const M& model, const float* buffer) {
  std::map<std::string, std::vector<float>> out;
  for (const Field& f : model.layout().fields())
    if (f.role == Role::trained)
      out[f.name] = downloaded<typename M::E>(buffer + f.offset, static_cast<std::size_t>(f.size()));
  return out;
}

template <class E, class Method, class Task>
Outcome outcome(const Method& method, Task task, BertActivation activation) {
  using M = Model<Bert<float, E>, Method, Task>;
  M model(Bert<float, E>::random(small(activation), 5)->with_dropout(0.1, 0.1, 0.1), method, task);
  for (const Field& f : model.layout().fields()) {
    auto values = model.read(f);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] += static_cast<float>(0.1 * rng::normal(rng::combine(rng::mix(8), f.name), i));
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
  adamw.update(steady, engine.worker(), model.layout(), model.buffer().data(), engine.total().data(), 1e-2,
               clip_factor(o.norm, 1));
  engine.after_step({1e-2, 1, 4});
  o.values = tensors(model, model.buffer().data());
  FitOptions options;
  options.epochs = 1;
  options.lr = 1e-3;
  options.optimizer = steady;
  options.clip = 1;
  options.accumulate = 2;
  const auto scores = [&] {
    const auto targets = std::vector<double>(batch.targets.begin(), batch.targets.end());
    return metric::score(metric::Kind::Accuracy, decide(engine.predict(batch), static_cast<std::size_t>(task.labels)),
                         targets);
  };
  for (const double loss : fit(engine, data, options, scores).losses) o.losses.push_back(static_cast<float>(loss));
  o.trained = tensors(model, model.buffer().data());
  o.merged = merged_weights(model);
  if constexpr (Method::Plain::size == 1)
    if constexpr (LowRank<typename Method::Plain::template type<0>>)
      for (const LoraModule& m : to_peft(model, "base").modules) o.merged[m.path + " in PEFT's form"] = m.B;
  return o;
}

void compare(const std::string& label, const Outcome& device, const Outcome& host) {
  expect(label + ": loss", std::abs(device.loss - host.loss) / std::abs(host.loss), 1e-5);
  expect(label + ": penalty", std::abs(device.penalty - host.penalty), 1e-5);
  expect(label + ": gradient norm", std::abs(device.norm - host.norm) / host.norm, 1e-4);
  expect(label + ": logits", difference(device.logits, host.logits), 1e-4);
  expect(label + ": losses of a run", difference(device.losses, host.losses), 1e-4);
  double gradients = device.gradients.size() == host.gradients.size() ? 0 : INFINITY, values = 0, trained = 0;
  for (const auto& [name, gradient] : host.gradients) {
    gradients = std::fmax(gradients, difference(device.gradients.at(name), gradient));
    values = std::fmax(values, difference(device.values.at(name), host.values.at(name)));
    trained = std::fmax(trained, difference(device.trained.at(name), host.trained.at(name)));
  }
  expect(label + ": gradients", gradients, 1e-4);
  expect(label + ": values after a step", values, 1e-4);
  expect(label + ": values after a run", trained, 1e-4);
  double merged = device.merged.size() == host.merged.size() ? 0 : INFINITY;
  for (const auto& [name, weight] : host.merged) merged = std::fmax(merged, difference(device.merged.at(name), weight));
  expect(label + ": merged", merged, 1e-4);
}

/// The kernels that none of the methods above runs: those of prefixes, and plain SGD.
template <class E>
std::vector<float> other_kernels() {
  constexpr Extent sequences = 2, prefix = 3, d = 5, tokens = 6, keys = tokens + sequences * prefix;
  Worker<E> w;
  w.space.reserve(1 << 16);
  const auto matrix = [&](Extent rows, std::uint64_t seed) {
    std::vector<float> host(static_cast<std::size_t>(rows) * d);
    for (std::size_t i = 0; i < host.size(); ++i) host[i] = static_cast<float>(rng::normal(seed, i));
    const Mat<float, E> m = w.template keep<float>(rows, d);
    upload(w.exec, m.data(), host.data(), host.size());
    return m;
  };
  const auto indices = [&](const std::vector<int>& host) {
    const Mat<int, E> m = w.template keep<int>(1, static_cast<Extent>(host.size()));
    upload(w.exec, m.data(), host.data(), host.size());
    return static_cast<const int*>(m.data());
  };
  const auto x = matrix(tokens, 1), y = matrix(keys, 2), own = matrix(prefix, 3), gradient = matrix(prefix, 4),
             back = matrix(tokens, 5);
  const int *segment = indices({0, 0, 0, 0, 1, 1}), *offsets = indices({0, 7, 12});
  ops::spread_after_prefix(w, y, constant(x), segment, prefix);
  ops::put_prefix(w, y, constant(own), offsets, sequences);
  ops::add_row(w, y, constant(slice(own, 0, 1)));
  ops::take_prefix(w, gradient, constant(y), offsets, sequences);
  ops::collect_after_prefix(w, back, constant(y), segment, prefix);
  ops::sgd(w, own, constant(gradient), 0.1, 0.01, 1);
  w.fence();
  std::vector<float> all;
  for (const auto& m : {y, own, gradient, back}) {
    const auto part = downloaded<E>(static_cast<const float*>(m.data()), m.size());
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

template <class Task, class Method>
void both(const std::string& label, const Method& method, Extent labels = 3,
          BertActivation activation = BertActivation::Gelu) {
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
    expect("prefixes, SGD", difference(other_kernels<Device>(), other_kernels<Host>()), 1e-6);
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
