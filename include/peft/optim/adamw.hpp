// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include <peft/core/exact.hpp>
#include <peft/ops/optimizer.hpp>
#include <peft/optim/optimizer.hpp>

namespace peft {

/// AdamW (Loshchilov & Hutter, 2019): hyper-parameters. Defaults as PyTorch's.
struct AdamW {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.01;

  std::map<std::string, std::string> settings() const {
    return {{"optimizer", "AdamW"}, {"weight decay", exact(weight_decay)}};
  }

  /// State of one run: moments as two buffers parallel to the trained values.
  template <class T, ExecutionSpace E>
  class State {
   public:
    using Buffer = Kokkos::View<T*, typename E::memory_space>;

    explicit State(const Layout& layout)
        : m_(allocated<Buffer>("peft::adamw_m", static_cast<std::size_t>(layout.gradient_size()))),
          v_(allocated<Buffer>("peft::adamw_v", static_cast<std::size_t>(layout.gradient_size()))) {}

    /// One step at learning rate `lr`; the gradient is multiplied by `gradient_scale` (clipping) on the way.
    void update(const AdamW& a, Worker<E>& w, const Layout& layout, T* values, const T* gradients, double lr,
                double gradient_scale) {
      ++step_;
      for_each_run(layout, [&](std::int64_t begin, std::int64_t end, const Group& group) {
        const std::int64_t n = end - begin;
        ops::AdamWStep s{lr * group.lr_factor,
                         a.beta1,
                         a.beta2,
                         a.epsilon,
                         group.decays ? a.weight_decay : 0.,
                         1 - std::pow(a.beta1, double(step_)),
                         1 - std::pow(a.beta2, double(step_)),
                         gradient_scale};
        ops::adamw<E, T>(w, flat<E>(values + begin, n), flat<E>(gradients + begin, n), flat<E>(m_.data() + begin, n),
                         flat<E>(v_.data() + begin, n), s);
      });
    }

    std::int64_t steps() const { return step_; }
    void restore(std::int64_t steps) { step_ = steps; }
    std::map<std::string, Buffer> buffers() const { return {{"adamw.m", m_}, {"adamw.v", v_}}; }

   private:
    Buffer m_, v_;
    std::int64_t step_ = 0;
  };
};

static_assert(IsOptimizer<AdamW>);

}  // namespace peft
