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

#include "space.hpp"

/// An engine and its model without their types, and AdamW: what trains a model in a test is compiled once, not for each
/// model.
namespace untyped {

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

/// What depends on the type of the numbers and their space alone.
template <class T, peft::ExecutionSpace E>
class EngineOf : public AnyEngine {
 public:
  const peft::Layout& layout() const override { return layout_; }
  std::vector<double> read(const peft::Field& f) const override { return numbers(values_, f); }
  std::vector<double> gradient(const peft::Field& f) const override { return numbers(gradients_, f); }
  void write(const peft::Field& f, const std::vector<double>& values) override {
    peft::require(static_cast<std::int64_t>(values.size()) == f.size(), f.name, ": ", values.size(), " values for (",
                  f.rows, ", ", f.cols, ")");
    const std::vector<T> written(values.begin(), values.end());
    peft::upload(worker_.exec, values_ + f.offset, written.data(), written.size());
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
  EngineOf(const peft::Layout& layout, T* values, T* gradients, peft::Worker<E>& worker)
      : layout_(layout), values_(values), gradients_(gradients), worker_(worker) {}

 private:
  std::vector<double> numbers(const T* buffer, const peft::Field& f) const {
    worker_.fence();
    const std::vector<T> found = peft::downloaded<E>(buffer + f.offset, static_cast<std::size_t>(f.size()));
    return {found.begin(), found.end()};
  }

  const peft::Layout& layout_;
  T* values_;
  T* gradients_;
  peft::Worker<E>& worker_;
  peft::AdamW adamw_;
  std::optional<peft::AdamW::State<T, E>> state_;
};
extern template class EngineOf<float, Space>;  // in any_engine.cpp
extern template class EngineOf<double, Space>;

template <class M>
class EngineOn final : public EngineOf<typename M::T, typename M::E> {
 public:
  explicit EngineOn(peft::Engine<M>& e)
      : EngineOf<typename M::T, typename M::E>(e.model().layout(), e.model().buffer().data(), e.total().data(),
                                               e.worker()),
        engine_(e) {}

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

}  // namespace untyped
