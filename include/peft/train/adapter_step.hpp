// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <memory>
#include <tuple>
#include <utility>

#include <peft/frozen.hpp>
#include <peft/hooks.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/reduce.hpp>
#include <peft/optim/optimizer.hpp>

namespace peft {

/// What a step does with one adapter as a whole, on a backbone: the sum of its gradients, and what runs once before and
/// after all groups.
template <class A>
class AdapterStep {
 public:
  using T = typename A::T;
  using E = typename A::E;
  using Plain = typename A::Method::Plain;

  AdapterStep(Worker<E>& worker, const typename A::Backbone& backbone, std::shared_ptr<A> adapter)
      : worker_(worker), adapter_(std::move(adapter)), frozen_(backbone, adapter_->attached()) {}

  A& adapter() { return *adapter_; }
  /// The gradient, laid out as the adapter is. It has memory from the first call on.
  typename A::Buffer total() {
    const auto n = static_cast<std::size_t>(adapter_->layout().gradient_size());
    if (total_.size() != n) {
      total_ = typename A::Buffer("peft::total_gradient", n);
      gradients_ = adapter_->attached().bind(adapter_->layout(), total_.data(), adapter_->layout().gradient_size());
    }
    return total_;
  }
  typename A::Tensors& gradients() {
    total();
    return gradients_;
  }
  void zero_gradients() { ops::fill(worker_, flat<E>(total().data(), adapter_->layout().gradient_size()), T(0)); }
  /// total += the accumulator of a group, in which the dense trained tensors and the derived ones lie at the same
  /// offsets.
  void add(Worker<E>& worker, const typename A::Buffer& accumulator) {
    const auto n = static_cast<std::int64_t>(accumulator.size());
    ops::add<E, T>(worker, flat<E>(total().data(), n), constant(flat<E>(accumulator.data(), n)));
    worker.fence();
  }

  /// See Engine.
  void prepare(std::uint64_t seed, bool training) {
    seed_ = seed;
    sampling_ = training;
    each([&](auto, auto& context, const auto& d, auto& all) { hooks::prepare(d, context, all); });
    worker_.fence();
  }
  void finish_gradients() {
    each([&](auto i, auto& context, const auto& d, auto& all) {
      auto& grads = std::get<i>(gradients().all);
      hooks::finish(d, context, all, grads);
      hooks::regularise(d, context, all, grads);
    });
  }
  double penalty() {
    double sum = 0;
    each([&](auto, auto& context, const auto& d, auto& all) { sum += hooks::penalty(d, context, all); });
    return sum;
  }
  void after_step(const StepInfo& info) {
    each([&](auto i, auto& context, const auto& d, auto& all) {
      hooks::after_step(d, context, all, std::get<i>(gradients().all), info);
    });
  }
  bool settled(std::int64_t step, std::int64_t total) const {
    bool all = true;
    for_each_delta<Plain>([&](auto i) {
      const auto& d = adapter_->attached().template delta<i>();
      all = all && hooks::settled(d, step, total);
    });
    return all;
  }
  double gradient_norm() {
    double squares = 0;
    for (const Field& f : adapter_->layout().fields())
      if (f.role == Role::trained)
        squares += ops::squared_norm<E, T>(worker_, Mat<T, E>(total().data() + f.offset, f.rows, f.cols));
    return std::sqrt(squares);
  }
  bool gradients_finite() {
    double odd = 0;
    for_each_run(adapter_->layout(), [&](std::int64_t begin, std::int64_t end, const Group&) {
      odd += ops::count_not_finite<E, T>(worker_, flat<E>(total().data() + begin, end - begin));
    });
    return odd == 0;
  }

 private:
  /// f(i, context, delta, values) for every delta that sits anywhere.
  template <class F>
  void each(F&& f) {
    for_each_delta<Plain>([&](auto i) {
      if (adapter_->attached().placement(i).modules.empty()) return;
      worker_.space.clear();
      Context<T, E> context{worker_};
      context.seed = seed_;
      context.training = sampling_;
      context.frozen = frozen_[i].data();
      f(i, context, adapter_->attached().template delta<i>(), std::get<i>(adapter_->values().all));
    });
  }

  Worker<E>& worker_;
  std::shared_ptr<A> adapter_;
  Frozen<typename A::Backbone, typename A::Method> frozen_;
  typename A::Buffer total_;
  typename A::Tensors gradients_;
  std::uint64_t seed_ = 0;
  bool sampling_ = false;
};

}  // namespace peft
