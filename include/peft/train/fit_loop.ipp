// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/core/exact.hpp>
#include <peft/core/inline.hpp>
#include <peft/core/interrupt.hpp>
#include <peft/core/rng.hpp>
#include <peft/io/check_finite.hpp>
#include <peft/optim/clip.hpp>
#include <peft/train/early_stopping.hpp>
#include <peft/train/fit_loop.hpp>
#include <peft/train/meter.hpp>

namespace peft {

PEFT_INLINE std::string remedy(double lr, const std::filesystem::path& checkpoint) {
  return cat(". Try a smaller learning rate (now ", lr, ") or gradient clipping",
             checkpoint.empty() ? "" : cat("; ", checkpoint.string(), " is as it was"));
}

/// The state of a loop: where it stands, and what it does between the steps.
template <class T>
class TrainingLoop {
 public:
  TrainingLoop(TrainingRun<T>& run, const LoopOptions& options)
      : run_(run),
        options_(options),
        total_(checked_total()),
        schedule_{options.schedule, warmup_steps(options.warmup, total_), total_},
        stopping_(options.patience) {
    at_.identity = {
        {"epochs", cat(options.epochs)},   {"lr", exact(options.lr)},     {"schedule", name(options.schedule)},
        {"warmup", exact(options.warmup)}, {"clip", exact(options.clip)}, {"accumulate", cat(options.accumulate)},
        {"seed", cat(options.seed)},       {"steps", cat(total_)},        {"patience", cat(options.patience)}};
    for (const auto& [key, value] : options.identity) at_.identity[key] = value;
    at_.environment = bitwise_environment();
    for (const auto& [key, value] : options.environment) at_.environment[key] = value;
  }

  History operator()() {
    meter_.pause();
    resume();
    const Interrupt interrupt;
    bool stop = at_.history.stopped_early = stopping_.stop() && at_.epoch < options_.epochs;
    while (at_.epoch < options_.epochs && !stop) {
      if (!epoch()) {
        at_.history.interrupted = true;
        break;
      }
      try {
        stop = close_epoch();
      } catch (
          const Interrupted&) {  // by the evaluation, before anything has changed: a run that is resumed begins with it
        save();
        at_.history.interrupted = true;
        break;
      }
    }
    if (!best_.empty() && !at_.history.interrupted) run_.set_values(best_);
    run_.prepare();
    count();
    return std::move(at_.history);
  }

 private:
  static constexpr double far = 1e9;  // no label of a data set is as large

  std::int64_t steps_of(std::int64_t epoch) const {
    return (run_.batches(epoch) + options_.accumulate - 1) / options_.accumulate;
  }

  std::int64_t checked_total() const {
    require(options_.epochs >= 0, "epochs = ", options_.epochs, ": expected 0 or more");
    require(options_.accumulate >= 1, "accumulate = ", options_.accumulate, ": expected 1 or more");
    require(std::isfinite(options_.lr) && options_.lr >= 0, "lr = ", options_.lr, ": expected a number from 0 on");
    return steps_of_first(options_.epochs);
  }
  std::int64_t steps_of_first(double epochs) const {
    std::int64_t total = 0;
    for (int epoch = 0; epoch < epochs; ++epoch) total += steps_of(epoch);
    return total;
  }

  /// Takes what the meter has counted into the report.
  void count() {
    at_.history.steps = at_.step;
    at_.history.examples = meter_.examples();
    at_.history.tokens = meter_.tokens();
    at_.history.seconds = meter_.seconds();
    at_.history.cpu_seconds = meter_.cpu_seconds();
  }

  void check_finite(const char* what, const std::vector<T>& numbers) const {
    if (const std::string where = not_finite_in(run_.layout(), std::span<const T>(numbers)); !where.empty())
      fail(what, " is no longer finite after step ", at_.step, " of ", total_, ": ", where, "; nothing was saved",
           remedy(options_.lr, options_.checkpoint));
  }

  /// Refuses a step of which a number is not finite, before it is applied. What nothing was trained for yet, no
  /// learning rate can have done.
  [[noreturn]] void refuse(const std::string& what, const std::vector<Batch>& parts) const {
    std::string why =
        at_.step > 0 ? not_finite_in(run_.layout(), std::span<const T>(run_.values())) : run_.why_not_finite();
    if (!why.empty()) why = ": " + why;
    if (at_.step > 0) why += remedy(options_.lr, options_.checkpoint);
    double target = 0;
    for (const Batch& b : parts)
      for (const double t : b.targets) target = std::max(target, std::abs(t));
    fail(what, " at step ", at_.step + 1, " of ", total_, "; nothing of this step was applied", why,
         target > far ? cat("; and a label of its batch is ", target, " in size: are they on the scale that is meant?")
                      : "");
  }

  void save() {
    if (options_.before_save) options_.before_save();
    std::vector<T> now = run_.values();
    check_finite("a trained value", now);
    if (options_.checkpoint.empty()) return;
    count();
    at_.stopping = stopping_.state();
    std::map<std::string, std::vector<T>> buffers = run_.optimizer_state();
    for (const auto& [name, state] : buffers)
      check_finite(name.c_str(), state);  // a square may outgrow what its gradient did not
    if (options_.patience > 0) buffers["best"] = best_.empty() ? now : best_;
    buffers["values"] = std::move(now);
    try {
      write_checkpoint(options_.checkpoint, run_.layout(), at_, buffers);
    } catch (const Error& e) {
      fail(e.what(),
           saved_ < 0 ? cat("; the run stops after step ", at_.step, " of ", total_, ", and nothing of it is saved")
                      : cat("; the run stops after step ", at_.step, " of ", total_, ", and can be resumed from step ",
                            saved_, ", where it was last saved"),
           ": make room for the file, or give another place");
    }
    saved_ = at_.step;
  }

  void resume() {
    const bool saved = options_.resume && !options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint);
    if (options_.resume && !saved && options_.on_warning)
      options_.on_warning(
          cat("there is no run to resume at ", options_.checkpoint.string(), ": it begins from the start"));
    if (!saved) {
      std::error_code ignored;  // a run that begins anew leaves none behind that could be resumed in its place
      if (!options_.checkpoint.empty()) std::filesystem::remove(options_.checkpoint, ignored);
      return;
    }
    const auto all = static_cast<std::size_t>(run_.layout().size());
    std::map<std::string, std::vector<T>> buffers = run_.optimizer_state();  // of the right sizes
    buffers["values"] = std::vector<T>(all);
    if (options_.patience > 0) buffers["best"] = std::vector<T>(all);
    Notes fixed = at_.identity;
    for (const char* key : {"epochs", "steps"}) fixed.erase(key);
    RunState then = read_checkpoint<T>(options_.checkpoint, run_.layout(), fixed, buffers);
    check_length(then);
    if (const std::string changed = differences(at_.environment, then.environment);
        !changed.empty() && options_.on_warning)
      options_.on_warning("resuming under other conditions: the last bits of the results may differ (" + changed + ")");
    if (then.epoch > options_.epochs || then.step > total_ ||
        then.cursor > (then.epoch < options_.epochs ? run_.batches(then.epoch) : 0))
      fail(options_.checkpoint.string(), ": the state of the run is damaged: epoch ", then.epoch, ", batch ",
           then.cursor, ", step ", then.step, " of ", total_);
    if (then.history.losses.size() != static_cast<std::size_t>(then.step))
      fail(options_.checkpoint.string(), ": the state of the run is damaged: ", then.history.losses.size(),
           " losses of ", then.step, " steps");
    then.environment = at_.environment;
    then.identity = at_.identity;
    at_ = std::move(then);
    saved_ = at_.step;
    run_.set_values(buffers["values"]);
    run_.set_optimizer_state(buffers, at_.step);
    const History& so_far = at_.history;
    meter_.go_on_from(at_.step, so_far.examples, so_far.tokens, so_far.seconds, so_far.cpu_seconds);
    stopping_.state(at_.stopping);
    if (stopping_.state().any && options_.patience > 0) best_ = buffers["best"];
  }

  /// A run may be given more epochs than it was planned with. The steps that are done keep their rates; those to come
  /// take the rates of the longer run's schedule, which needs nothing but their number. So a run that is lengthened and
  /// stopped again goes on as any other.
  void check_length(const RunState& then) const {
    const Notes length{{"epochs", at_.identity.at("epochs")}, {"steps", at_.identity.at("steps")}};
    const std::string changed = differences(length, then.identity);
    if (changed.empty()) return;
    const auto planned = [&](const char* key) {
      const auto found = then.identity.find(key);
      return found == then.identity.end() ? 0 : exact(found->second, options_.checkpoint.string() + ": " + key);
    };
    const std::string cannot =
        cat(options_.checkpoint.string(), ": cannot resume a run with other options (", changed, ")");
    const double before = planned("epochs"), steps = planned("steps");
    require(options_.epochs > before && steps == static_cast<double>(steps_of_first(before)), cannot,
            "; give the same ones (--epochs may be more), or start another run");
    require(
        run_.settled(0, total_), cannot,
        ": the method has a schedule of its own over all steps, which has begun; give the same, or start another run");
    if (!options_.on_note) return;
    const Schedule old{options_.schedule, warmup_steps(options_.warmup, static_cast<std::int64_t>(steps)),
                       static_cast<std::int64_t>(steps)};
    const double last = options_.lr * old.factor(std::max<std::int64_t>(then.step - 1, 0)),
                 next = options_.lr * schedule_.factor(then.step);
    options_.on_note(cat("the run goes on to ", options_.epochs, " epochs instead of ", before, ": ", then.step, " of ",
                         total_, " steps are done, the rest follows the ", name(options_.schedule), " schedule of ",
                         total_, " steps, from a rate of ", next, " on (the last was ", last, ")"));
  }

  /// The rest of an epoch; false when it was interrupted, and saved, before its end.
  bool epoch() {
    const std::int64_t batches = run_.batches(at_.epoch);
    while (at_.cursor < batches) {
      meter_.resume();
      step(std::min<std::int64_t>(at_.cursor + options_.accumulate, batches));
      if (at_.cursor == batches) break;
      const bool interrupted = Interrupt::requested();
      if (interrupted || (options_.checkpoint_steps > 0 && at_.step % options_.checkpoint_steps == 0)) {
        meter_.pause();
        save();
      }
      if (interrupted) return false;
    }
    meter_.pause();
    return true;
  }

  void step(std::int64_t end) {
    const double lr = options_.lr * schedule_.factor(at_.step);
    const std::uint64_t seed = rng::combine(rng::mix(options_.seed), static_cast<std::uint64_t>(at_.step));
    std::vector<Batch> parts;
    std::int64_t examples = 0, tokens = 0, counted = 0;
    for (std::int64_t i = at_.cursor; i < end; ++i) {
      parts.push_back(run_.batch(at_.epoch, i));
      examples += run_.examples(parts.back());
      counted += run_.counted(parts.back());
      tokens += parts.back().tokens();
    }
    run_.begin_step(seed);
    double loss = 0;
    for (const Batch& b : parts)
      loss += run_.accumulate(b, 1. / static_cast<double>(std::max<std::int64_t>(counted, 1)), seed);
    run_.finish_gradients();
    if (!std::isfinite(loss)) refuse(cat("the loss is ", loss), parts);
    // Clipping reads the whole gradient, and a finite norm is one of finite numbers alone; another may have overflowed.
    const double norm = options_.clip > 0 ? run_.gradient_norm() : std::numeric_limits<double>::quiet_NaN();
    if (!std::isfinite(norm) && !run_.gradients_finite())
      refuse(cat("the loss is finite (", loss, ") but not its gradient, ",
                 not_finite_in(run_.layout(), std::span<const T>(run_.gradients())), ","),
             parts);
    run_.apply(lr, clip_factor(norm, options_.clip), at_.step + 1, total_);
    ++at_.step;
    at_.cursor = end;
    at_.epoch_loss += loss;
    meter_.add(examples, tokens);
    at_.history.losses.push_back(loss);
    if (options_.on_step) options_.on_step({at_.step, total_, loss, lr, examples, tokens});
  }

  /// Evaluates and saves; true when the run ends here.
  bool close_epoch() {
    run_.prepare();
    check_finite("a trained value", run_.values());  // before it is scored
    EpochReport report{static_cast<int>(at_.epoch) + 1,
                       at_.epoch_loss / static_cast<double>(std::max<std::int64_t>(steps_of(at_.epoch), 1)),
                       run_.evaluate(), false};
    report.best = run_.settled(at_.step, total_) && stopping_.update(report.dev.main);
    if (report.best && options_.patience > 0) best_ = run_.values();
    at_.history.epochs.push_back(report);
    ++at_.epoch;
    at_.cursor = 0;
    at_.epoch_loss = 0;
    const bool more = at_.epoch < options_.epochs;
    at_.history.stopped_early = stopping_.stop() && more;
    save();
    if (options_.on_epoch) options_.on_epoch(report);
    if (stopping_.stop()) return true;
    return at_.history.interrupted = Interrupt::requested() && more;
  }

  TrainingRun<T>& run_;
  const LoopOptions& options_;
  const std::int64_t total_;
  const Schedule schedule_;
  EarlyStopping stopping_;
  RunState at_;
  std::int64_t saved_ = -1;  // the step that the checkpoint holds; below 0: there is none of this run
  std::vector<T> best_;
  Meter meter_;
};

template <class T>
History training_loop(TrainingRun<T>& run, const LoopOptions& options) {
  try {
    return TrainingLoop<T>(run, options)();
  } catch (const Error&) {  // a backbone that was changed meanwhile is the cause of whatever else was found
    if (options.before_save) options.before_save();
    throw;
  }
}

#ifdef PEFT_SEPARATE
template History training_loop(TrainingRun<float>&, const LoopOptions&);
template History training_loop(TrainingRun<double>&, const LoopOptions&);
#endif

}  // namespace peft
