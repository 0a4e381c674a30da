// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include <peft/optim/adamw.hpp>
#include <peft/optim/schedule.hpp>
#include <peft/train/engine.hpp>
#include <peft/train/fit_loop.hpp>

namespace peft {

/// How to train, with the optimizer O. Callbacks may be empty.
template <IsOptimizer O>
struct FitOptionsWith {
  int epochs = 3;
  double lr = 1e-3;
  ScheduleKind schedule = ScheduleKind::Linear;
  double warmup = 0.06;           // a fraction of the steps below 1, else steps
  O optimizer{};
  double clip = 0;                // of the gradient's norm; 0: off
  int accumulate = 1;             // batches per optimizer step
  std::uint64_t seed = 42;        // of dropout
  int patience = 0;  // evaluations without improvement before stopping; 0: never. The best epoch's values are kept, of
      // those from which on every delta is `settled`
  std::filesystem::path checkpoint{};  // file to save the run in at every epoch and on Ctrl-C; empty: none
  std::int64_t checkpoint_steps = 0;  // also every so many steps
  bool resume = false;  // with the same options, or more epochs
  std::map<std::string, std::string> identity{};  // whatever else must be the same on resuming, by name
  std::function<void(const Progress&)> on_step{};
  std::function<void(const EpochReport&)> on_epoch{};
  std::function<void(const std::string&)> on_warning{}, on_note{};
  std::function<void()>
      before_save{};  // checks that backbone and data are unchanged; may throw: nothing is saved then, the run ends
};

using FitOptions = FitOptionsWith<AdamW>;

/// A model, its data and its optimizer as the loop drives them.
template <class M, class Data, class Evaluate, class O>
class FitRun : public TrainingRun<typename M::T> {
 public:
  using T = typename M::T;
  using E = typename M::E;

  FitRun(Engine<M>& engine, const Data& data, const O& optimizer, Evaluate& evaluate)
      : engine_(engine), data_(data), optimizer_(optimizer), evaluate_(evaluate), state_(engine.model().layout()) {}

  const Layout& layout() const override { return engine_.model().layout(); }
  std::int64_t batches(std::int64_t epoch) const override { return data_.steps(epoch); }

  Batch batch(std::int64_t epoch, std::int64_t i) const override { return data_.batch(epoch, i); }
  std::int64_t examples(const Batch& b) const override { return engine_.examples(b); }
  std::int64_t counted(const Batch& b) const override { return engine_.counted(b); }

  void begin_step(std::uint64_t seed) override {
    engine_.zero_gradients();
    engine_.prepare(seed, true);
  }
  double accumulate(const Batch& b, double weight, std::uint64_t seed) override {
    return engine_.accumulate(b, weight, seed);
  }
  void finish_gradients() override { engine_.finish_gradients(); }
  double gradient_norm() override { return engine_.gradient_norm(); }
  bool gradients_finite() override { return engine_.gradients_finite(); }
  void apply(double lr, double scale, std::int64_t step, std::int64_t total) override {
    M& model = engine_.model();
    state_.update(optimizer_, engine_.worker(), model.layout(), model.buffer().data(), engine_.total().data(), lr,
                  scale);
    engine_.after_step({lr, step, total, scale});
  }
  void prepare() override { engine_.prepare(); }
  metric::Scores evaluate() override { return evaluate_(); }
  bool settled(std::int64_t step, std::int64_t total) const override { return engine_.settled(step, total); }

  std::vector<T> values() const override {
    return downloaded<E>(static_cast<const T*>(engine_.model().buffer().data()),
                         static_cast<std::size_t>(layout().size()));
  }
  std::vector<T> gradients() const override {
    const auto total = engine_.total();
    return downloaded<E>(static_cast<const T*>(total.data()), total.size());
  }
  std::string why_not_finite() const override {
    return peft::why_not_finite(engine_.model().backbone(), engine_.model().adapter());
  }
  void set_values(const std::vector<T>& values) override {
    upload(E{}, engine_.model().buffer().data(), values.data(), values.size());
  }
  std::map<std::string, std::vector<T>> optimizer_state() const override {
    std::map<std::string, std::vector<T>> all;
    for (const auto& [name, view] : state_.buffers())
      all[name] = downloaded<E>(static_cast<const T*>(view.data()), view.size());
    return all;
  }
  void set_optimizer_state(const std::map<std::string, std::vector<T>>& all, std::int64_t steps) override {
    for (const auto& [name, view] : state_.buffers()) upload(E{}, view.data(), all.at(name).data(), view.size());
    state_.restore(steps);
  }

 private:
  Engine<M>& engine_;
  const Data& data_;
  const O& optimizer_;
  Evaluate& evaluate_;
  typename O::template State<T, E> state_;
};

/// Trains. `data` gives `steps(epoch)`, batches of an epoch, and `batch(epoch, i)`, the same batch whenever asked
/// (Loader); `evaluate()` gives the dev scores. A run that is resumed goes on bit for bit as if never stopped. Throws
/// Error when the loss, the gradient or the trained values are no longer finite; that step is not applied, and the last
/// checkpoint stays.
template <class M, class Data, class Evaluate, class O = AdamW>
History fit(Engine<M>& engine, const Data& data, const FitOptionsWith<O>& options, Evaluate&& evaluate) {
  LoopOptions loop{options.epochs,     options.lr,
                   options.schedule,   options.warmup,
                   options.clip,       options.accumulate,
                   options.seed,       options.patience,
                   options.checkpoint, options.checkpoint_steps,
                   options.resume,     options.optimizer.settings(),
                   options.on_step,    options.on_epoch,
                   options.on_warning, options.on_note};
  for (const auto& [key, value] : options.identity) loop.identity[key] = value;
  loop.before_save = options.before_save;
  loop.environment["group"] = cat(engine.grouping().tokens, " tokens, a multiple of ", engine.grouping().multiple);
  FitRun<M, Data, std::remove_reference_t<Evaluate>, O> run(engine, data, options.optimizer, evaluate);
  return training_loop(run, loop);
}

/// The same on every core, without a look at dev data.
template <class Backbone, class Method, class Task, class Data, class O = AdamW>
History fit(Model<Backbone, Method, Task>& model, const Data& data, const FitOptionsWith<O>& options) {
  Engine<Model<Backbone, Method, Task>> engine(model);
  return fit(engine, data, options, [] { return metric::Scores{{}, std::nan(""), "none"}; });
}

}  // namespace peft
