// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/exact.hpp>
#include <peft/ops/optimizer.hpp>
#include <peft/optim/optimizer.hpp>

namespace peft {

/// Stochastic gradient descent:  theta -= lr (g + decay theta). Keeps nothing.
struct SGD {
  double weight_decay = 0;

  std::map<std::string, std::string> settings() const {
    return {{"optimizer", "SGD"}, {"weight decay", exact(weight_decay)}};
  }

  template <class T, ExecutionSpace E>
  class State {
   public:
    explicit State(const Layout&) {}

    void update(const SGD& o, Worker<E>& w, const Layout& layout, T* values, const T* gradients, double lr,
                double gradient_scale) {
      ++step_;
      for_each_run(layout, [&](std::int64_t begin, std::int64_t end, const Group& group) {
        const std::int64_t n = end - begin;
        ops::sgd<E, T>(w, flat<E>(values + begin, n), flat<E>(gradients + begin, n), lr * group.lr_factor,
                       group.decays ? o.weight_decay : 0., gradient_scale);
      });
    }
    std::map<std::string, Kokkos::View<T*, typename E::memory_space>> buffers() const { return {}; }
    std::int64_t steps() const { return step_; }
    void restore(std::int64_t steps) { step_ = steps; }

   private:
    std::int64_t step_ = 0;
  };
};
static_assert(IsOptimizer<SGD>);

}  // namespace peft
