// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>

#include <peft/core/fields.hpp>
#include <peft/ops/optimizer.hpp>
#include <peft/ops/reduce.hpp>

namespace peft {

/// AdamW (Loshchilov & Hutter, 2019): hyper-parameters. Defaults as PyTorch's.
struct AdamW {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.01;

  /// State of one run: moments as two buffers parallel to the trained values.
  template <class T, ExecutionSpace E>
  class State {
   public:
    using Buffer = Kokkos::View<T*, typename E::memory_space>;

    explicit State(const Layout& layout)
        : m_("peft::adamw_m", static_cast<std::size_t>(layout.gradient_size())),
          v_("peft::adamw_v", static_cast<std::size_t>(layout.gradient_size())) {}

    /// One step at learning rate `lr`; the gradient is multiplied by `gradient_scale` (clipping) on the way. Runs of fields
    /// with equal settings are updated by one kernel.
    void update(const AdamW& a, Worker<E>& w, const Layout& layout, T* values, const T* gradients, double lr, double gradient_scale) {
      ++step_;
      const auto& fields = layout.fields();
      const auto trained = [&](const Field& f) { return f.role == Role::trained; };
      std::int64_t begin = -1, end = -1;
      Group group;
      const auto flush = [&] {
        if (begin < 0) return;
        const Extent n = static_cast<Extent>(end - begin);
        ops::AdamWStep s{lr * group.lr_factor, a.beta1, a.beta2, a.epsilon, group.decays ? a.weight_decay : 0.,
                         1 - std::pow(a.beta1, double(step_)), 1 - std::pow(a.beta2, double(step_)), gradient_scale};
        ops::adamw<E, T>(w, Mat<T, E>(values + begin, 1, n), Mat<const T, E>(gradients + begin, 1, n),
                         Mat<T, E>(m_.data() + begin, 1, n), Mat<T, E>(v_.data() + begin, 1, n), s);
      };
      for (const Field& f : fields) {
        if (!trained(f)) continue;
        const bool joins = begin >= 0 && f.offset >= end && f.offset - end < Layout::alignment &&
                           f.group.lr_factor == group.lr_factor && f.group.decays == group.decays;
        if (!joins) {
          flush();
          begin = f.offset;
          group = f.group;
        }
        end = f.offset + f.size();
      }
      flush();
    }

    std::int64_t steps() const { return step_; }
    void restore(std::int64_t steps) { step_ = steps; }
    Buffer m() const { return m_; }
    Buffer v() const { return v_; }

   private:
    Buffer m_, v_;
    std::int64_t step_ = 0;
  };
};

/// The factor that brings a gradient of this norm down to `limit` (PyTorch's clip_grad_norm_); 1 when limit <= 0.
inline double clip_factor(double norm, double limit) { return limit > 0 && norm > limit ? limit / (norm + 1e-6) : 1; }

}  // namespace peft
