// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <peft/optim/adamw.hpp>
#include <peft/optim/schedule.hpp>
#include <peft/task/metric/glue.hpp>
#include <peft/train/checkpoint.hpp>
#include <peft/train/early_stopping.hpp>
#include <peft/train/engine.hpp>
#include <peft/train/history.hpp>
#include <peft/train/interrupt.hpp>
#include <peft/train/meter.hpp>
#include <peft/train/progress.hpp>

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
  int patience = 0;               // evaluations without a gain before stopping; 0: never. The best epoch's values are then kept;
                                  // those before every delta is `settled` do not count
  std::filesystem::path checkpoint{};  // file to save the run in at every epoch and on Ctrl-C; empty: none
  std::int64_t checkpoint_steps = 0;   // also every so many steps
  bool resume = false;
  std::map<std::string, std::string> identity{};  // whatever else must be the same on resuming, by name
  std::function<void(const Progress&)> on_step{};
  std::function<void(const EpochReport&)> on_epoch{};
  std::function<void(const std::string&)> on_warning{};
};

using FitOptions = FitOptionsWith<AdamW>;

/// What to try when a run has diverged.
inline std::string remedy(double lr, const std::filesystem::path& checkpoint) {
  return cat(". Try a smaller learning rate (now ", lr, ") or gradient clipping",
             checkpoint.empty() ? "" : cat("; ", checkpoint.string(), " is as it was"));
}

/// Trains. `data` gives `steps(epoch)`, batches of an epoch, and `batch(epoch, i)`, the same batch whenever asked (Loader); `evaluate()` gives the dev scores. A run that is resumed goes on bit for bit as if never stopped.
/// Throws Error when the loss or the trained values are no longer finite; the last checkpoint then stays.
template <class M, class Data, class Evaluate, class O = AdamW>
History fit(Engine<M>& engine, const Data& data, const FitOptionsWith<O>& options, Evaluate&& evaluate) {
  using T = typename M::T;
  using E = typename M::E;
  using State = typename O::template State<T, E>;
  M& model = engine.model();
  const Layout& layout = model.layout();
  require(options.epochs >= 0, "epochs = ", options.epochs, ": expected 0 or more");
  require(options.accumulate >= 1, "accumulate = ", options.accumulate, ": expected 1 or more");
  require(std::isfinite(options.lr) && options.lr >= 0, "lr = ", options.lr, ": expected a number from 0 on");
  const auto steps_of = [&](std::int64_t epoch) { return (data.steps(epoch) + options.accumulate - 1) / options.accumulate; };
  std::int64_t total = 0;
  for (int epoch = 0; epoch < options.epochs; ++epoch) total += steps_of(epoch);
  const Schedule schedule{options.schedule, warmup_steps(options.warmup, total), total};
  State state(layout);
  EarlyStopping stopping(options.patience);
  History history;
  RunState run;
  run.identity = {{"epochs", cat(options.epochs)},
                  {"lr", exact(options.lr)},
                  {"schedule", name(options.schedule)},
                  {"warmup", exact(options.warmup)},
                  {"clip", exact(options.clip)},
                  {"accumulate", cat(options.accumulate)},
                  {"seed", cat(options.seed)},
                  {"steps", cat(total)},
                  {"patience", cat(options.patience)}};
  for (const auto& [key, value] : options.optimizer.settings()) run.identity[key] = value;
  for (const auto& [key, value] : options.identity) run.identity[key] = value;
  run.environment = bitwise_environment();
  run.environment["group"] = cat(engine.grouping().tokens, " tokens, a multiple of ", engine.grouping().multiple);
  std::vector<T> best;

  const auto values = [&] { return downloaded<E>(static_cast<const T*>(model.buffer().data()), static_cast<std::size_t>(layout.size())); };
  const auto save = [&] {
    const std::vector<T> now = values();
    if (!std::all_of(now.begin(), now.end(), [](T x) { return std::isfinite(x); }))
      fail("a trained value is no longer finite after step ", run.step, " of ", total, "; nothing was saved", remedy(options.lr, options.checkpoint));
    if (options.checkpoint.empty()) return;
    run.stopping = stopping.state();
    run.epochs = history.epochs;
    std::map<std::string, std::vector<T>> buffers{{"values", now}};
    if (options.patience > 0) buffers["best"] = best.empty() ? now : best;
    for (const auto& [name, view] : state.buffers()) buffers[name] = downloaded<E>(static_cast<const T*>(view.data()), view.size());
    write_checkpoint(options.checkpoint, layout, run, buffers);
  };
  const bool saved = options.resume && !options.checkpoint.empty() && std::filesystem::exists(options.checkpoint);
  if (options.resume && !saved && options.on_warning)
    options.on_warning(cat("there is no run to resume at ", options.checkpoint.string(), ": it begins from the start"));
  if (saved) {
    const std::size_t all = static_cast<std::size_t>(layout.size());
    std::map<std::string, std::vector<T>> buffers{{"values", std::vector<T>(all)}};
    if (options.patience > 0) buffers["best"] = std::vector<T>(all);
    for (const auto& [name, view] : state.buffers()) buffers[name] = std::vector<T>(view.size());
    RunState then = read_checkpoint<T>(options.checkpoint, layout, run.identity, buffers);
    if (const std::string changed = differences(run.environment, then.environment); !changed.empty() && options.on_warning)
      options.on_warning("resuming under other conditions: the last bits of the results may differ (" + changed + ")");
    if (then.epoch > options.epochs || then.step > total ||
        then.cursor > (then.epoch < options.epochs ? data.steps(then.epoch) : 0))
      fail(options.checkpoint.string(), ": the state of the run is damaged: epoch ", then.epoch, ", batch ", then.cursor,
           ", step ", then.step, " of ", total);
    then.environment = run.environment;
    run = std::move(then);
    upload(E{}, model.buffer().data(), buffers["values"].data(), all);
    for (const auto& [name, view] : state.buffers()) upload(E{}, view.data(), buffers[name].data(), view.size());
    state.restore(run.step);
    history.epochs = run.epochs;
    stopping.state(run.stopping);
    if (stopping.state().any && options.patience > 0) best = buffers["best"];
  }

  const Interrupt interrupt;
  Meter meter;
  meter.pause();
  bool stop = history.stopped_early = stopping.stop() && run.epoch < options.epochs;
  while (run.epoch < options.epochs && !stop) {
    const std::int64_t batches = data.steps(run.epoch);
    while (run.cursor < batches) {
      meter.resume();
      const std::int64_t end = std::min<std::int64_t>(run.cursor + options.accumulate, batches);
      std::vector<Batch> parts;
      std::int64_t examples = 0, tokens = 0, counted = 0;
      for (std::int64_t i = run.cursor; i < end; ++i) {
        parts.push_back(data.batch(run.epoch, i));
        examples += engine.examples(parts.back());
        counted += engine.counted(parts.back());
        tokens += parts.back().tokens();
      }
      engine.zero_gradients();
      double loss = 0;
      const std::uint64_t seed = rng::combine(rng::mix(options.seed), static_cast<std::uint64_t>(run.step));
      engine.prepare(seed, true);
      for (const Batch& b : parts) loss += engine.accumulate(b, 1. / static_cast<double>(std::max<std::int64_t>(counted, 1)), seed);
      engine.finish_gradients();
      if (!std::isfinite(loss))
        fail("the loss is ", loss, " at step ", run.step + 1, " of ", total,
             "; nothing of this step was applied", remedy(options.lr, options.checkpoint));
      const double lr = options.lr * schedule.factor(run.step);
      const double scale = options.clip > 0 ? clip_factor(engine.gradient_norm(), options.clip) : 1;
      state.update(options.optimizer, engine.worker(), layout, model.buffer().data(), engine.total().data(), lr, scale);
      engine.after_step({lr, run.step + 1, total, scale});
      ++run.step;
      run.cursor = end;
      run.epoch_loss += loss;
      meter.add(examples, tokens);
      history.losses.push_back(loss);
      if (options.on_step) options.on_step({run.step, total, loss, lr, examples, tokens});
      if (Interrupt::requested() && run.cursor < batches) {
        meter.pause();
        save();
        history.interrupted = stop = true;
        break;
      }
      if (options.checkpoint_steps > 0 && run.step % options.checkpoint_steps == 0 && run.cursor < batches) {
        meter.pause();
        save();
      }
    }
    meter.pause();
    if (history.interrupted) break;
    engine.prepare();
    EpochReport report{static_cast<int>(run.epoch) + 1,
                       run.epoch_loss / static_cast<double>(std::max<std::int64_t>(steps_of(run.epoch), 1)), evaluate(), false};
    report.best = engine.settled(run.step, total) && stopping.update(report.dev.main);
    if (report.best && options.patience > 0) best = values();
    history.epochs.push_back(report);
    ++run.epoch;
    run.cursor = 0;
    run.epoch_loss = 0;
    stop = stopping.stop();
    history.stopped_early = stop && run.epoch < options.epochs;
    save();
    if (options.on_epoch) options.on_epoch(report);
    if (Interrupt::requested() && !stop && run.epoch < options.epochs) history.interrupted = stop = true;
  }
  if (!best.empty() && !history.interrupted) upload(E{}, model.buffer().data(), best.data(), best.size());
  engine.prepare();
  history.steps = run.step;
  history.examples = meter.examples();
  history.tokens = meter.tokens();
  history.seconds = meter.seconds();
  history.cpu_seconds = meter.cpu_seconds();
  return history;
}

/// The same on every core, without a look at dev data.
template <class Backbone, class Method, class Task, class Data, class O = AdamW>
History fit(Model<Backbone, Method, Task>& model, const Data& data, const FitOptionsWith<O>& options) {
  Engine<Model<Backbone, Method, Task>> engine(model);
  return fit(engine, data, options, [] { return metric::Scores{{}, std::nan(""), "none"}; });
}

}  // namespace peft
