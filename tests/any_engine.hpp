// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/fields.hpp>
#include <peft/data/batch.hpp>
#include <peft/optim/adamw.hpp>
#include <peft/train/engine.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// An engine and its model without their types, and AdamW: what trains a model in a test is compiled once, not for each model.
namespace any {

class AnyEngine {
 public:
  virtual ~AnyEngine() = default;

  virtual const peft::Layout& layout() const = 0;
  virtual std::vector<double> read(const peft::Field& f) const = 0;
  virtual std::vector<double> gradient(const peft::Field& f) const = 0;
  virtual void write(const peft::Field& f, const std::vector<double>& values) = 0;
  /// AdamW from here on, its state empty.
  virtual void restart(const peft::AdamW& adamw) = 0;
  /// One step of it; returns how many there were.
  virtual std::int64_t update() = 0;

  // As the engine's.
  virtual std::int64_t counted(const peft::Batch& batch) const = 0;
  virtual void prepare(std::uint64_t seed = 0, bool training = false) = 0;
  virtual void zero_gradients() = 0;
  virtual double accumulate(const peft::Batch& batch, double weight, std::uint64_t seed, bool training = true) = 0;
  virtual void finish_gradients() = 0;
  virtual double penalty() = 0;
  virtual void after_step(const peft::StepInfo& info) = 0;
};

/// What depends on the type of the numbers alone.
template <class T>
class EngineOf : public AnyEngine {
 public:
  const peft::Layout& layout() const override { return layout_; }
  std::vector<double> read(const peft::Field& f) const override { return {values_ + f.offset, values_ + f.offset + f.size()}; }
  std::vector<double> gradient(const peft::Field& f) const override { return {gradients_ + f.offset, gradients_ + f.offset + f.size()}; }
  void write(const peft::Field& f, const std::vector<double>& values) override {
    peft::require(static_cast<std::int64_t>(values.size()) == f.size(), f.name, ": ", values.size(), " values for (", f.rows, ", ", f.cols, ")");
    for (std::size_t i = 0; i < values.size(); ++i) values_[f.offset + static_cast<std::int64_t>(i)] = static_cast<T>(values[i]);
  }
  void restart(const peft::AdamW& adamw) override {
    adamw_ = adamw;
    state_.emplace(layout_);
  }
  std::int64_t update() override {
    state_->update(adamw_, worker_, layout_, values_, gradients_, adamw_.lr, 1);
    return state_->steps();
  }

 protected:
  EngineOf(const peft::Layout& layout, T* values, T* gradients, peft::Worker<peft::Host>& worker)
      : layout_(layout), values_(values), gradients_(gradients), worker_(worker) {}

 private:
  const peft::Layout& layout_;
  T* values_;
  T* gradients_;
  peft::Worker<peft::Host>& worker_;
  peft::AdamW adamw_;
  std::optional<peft::AdamW::State<T, peft::Host>> state_;
};
extern template class EngineOf<float>;  // in any_engine.cpp
extern template class EngineOf<double>;

template <class M>
class EngineOn final : public EngineOf<typename M::T> {
 public:
  explicit EngineOn(peft::Engine<M>& e)
      : EngineOf<typename M::T>(e.model().layout(), e.model().buffer().data(), e.total().data(), e.worker()), engine_(e) {}

  std::int64_t counted(const peft::Batch& batch) const override { return engine_.counted(batch); }
  void prepare(std::uint64_t seed, bool training) override { engine_.prepare(seed, training); }
  void zero_gradients() override { engine_.zero_gradients(); }
  double accumulate(const peft::Batch& batch, double weight, std::uint64_t seed, bool training) override {
    return engine_.accumulate(batch, weight, seed, training);
  }
  void finish_gradients() override { engine_.finish_gradients(); }
  double penalty() override { return engine_.penalty(); }
  void after_step(const peft::StepInfo& info) override { engine_.after_step(info); }

 private:
  peft::Engine<M>& engine_;
};

}  // namespace any
