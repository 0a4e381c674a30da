// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <peft/core/fields.hpp>
#include <peft/data/batch.hpp>
#include <peft/optim/schedule.hpp>
#include <peft/task/metric/glue.hpp>
#include <peft/train/checkpoint.hpp>
#include <peft/train/history.hpp>
#include <peft/train/progress.hpp>

namespace peft {

/// A model, its data and its optimizer behind one interface, so that the training loop is compiled once and not per
/// model. T: float, double.
template <class T>
class TrainingRun {
 public:
  virtual const Layout& layout() const = 0;
  virtual std::int64_t batches(std::int64_t epoch) const = 0;
  virtual Batch batch(std::int64_t epoch, std::int64_t i) const = 0;
  /// Examples of a batch, and the number of targets that its loss is averaged over.
  virtual std::int64_t examples(const Batch& b) const = 0;
  virtual std::int64_t counted(const Batch& b) const = 0;

  /// One step of the optimizer: it begins, adds the gradients of its batches, and applies them.
  virtual void begin_step(std::uint64_t seed) = 0;
  virtual double accumulate(const Batch& b, double weight, std::uint64_t seed) = 0;
  virtual void finish_gradients() = 0;
  virtual double gradient_norm() = 0;
  virtual bool gradients_finite() = 0;
  /// `scale`: of the gradient; `step`: counted from 1.
  virtual void apply(double lr, double scale, std::int64_t step, std::int64_t total) = 0;
  /// After the last step of an epoch: derived tensors follow the values.
  virtual void prepare() = 0;
  virtual metric::Scores evaluate() = 0;
  virtual bool settled(std::int64_t step, std::int64_t total) const = 0;

  virtual std::vector<T> values() const = 0;
  virtual std::vector<T> gradients() const = 0;  // as `values`, up to the layout's gradient_size
  /// The likely cause where inputs are finite and results are not (model/first_use.hpp).
  virtual std::string why_not_finite() const = 0;
  virtual void set_values(const std::vector<T>& values) = 0;
  virtual std::map<std::string, std::vector<T>> optimizer_state() const = 0;
  virtual void set_optimizer_state(const std::map<std::string, std::vector<T>>& all, std::int64_t steps) = 0;

 protected:
  ~TrainingRun() = default;
};

/// The options of FitOptionsWith that do not depend on the optimizer's type.
struct LoopOptions {
  int epochs;
  double lr;
  ScheduleKind schedule;
  double warmup, clip;
  int accumulate;
  std::uint64_t seed;
  int patience;
  std::filesystem::path checkpoint;
  std::int64_t checkpoint_steps;
  bool resume;
  Notes identity;  // beside these options
  std::function<void(const Progress&)> on_step;
  std::function<void(const EpochReport&)> on_epoch;
  std::function<void(const std::string&)> on_warning, on_note;
  Notes environment{};
  std::function<void()> before_save{};
};

/// Runs all epochs; see `fit`.
template <class T>
History training_loop(TrainingRun<T>& run, const LoopOptions& options);

/// Advice for a run that has diverged.
std::string remedy(double lr, const std::filesystem::path& checkpoint);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/train/fit_loop.ipp>
#endif
