// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <peft/core/fields.hpp>
#include <peft/core/worker.hpp>

namespace peft {

/// Calls f(begin, end, group) for every run of trained tensors with the same settings: what an optimizer updates by one
/// kernel. Elements [begin, end) of the flat buffer.
template <class F>
void for_each_run(const Layout& layout, F&& f) {
  std::int64_t begin = -1, end = -1;
  Group group;
  for (const Field& field : layout.fields()) {
    if (field.role != Role::trained) continue;
    const bool joins = begin >= 0 && field.offset >= end && field.offset - end < Layout::alignment &&
                       field.group.lr_factor == group.lr_factor && field.group.decays == group.decays;
    if (!joins) {
      if (begin >= 0) f(begin, end, group);
      begin = field.offset;
      group = field.group;
    }
    end = field.offset + field.size();
  }
  if (begin >= 0) f(begin, end, group);
}

/// An optimizer: hyper-parameters as a value, and the `State` of one run. `settings` must be the same on resuming,
/// `buffers` (parallel to the trained values, by the name they are saved under) are saved with the run.
template <class O>
concept IsOptimizer = requires(
    const O o, typename O::template State<float, Host> state, const typename O::template State<float, Host> known,
    Worker<Host>& w, const Layout& layout, float* values, const float* gradients, double x, std::int64_t steps) {
  { o.settings() } -> std::convertible_to<std::map<std::string, std::string>>;
  typename O::template State<float, Host>;
  state.update(o, w, layout, values, gradients, x, x);  // learning rate; what the gradient is multiplied by
  { known.buffers() } -> std::convertible_to<std::map<std::string, Kokkos::View<float*, Host::memory_space>>>;
  { known.steps() } -> std::convertible_to<std::int64_t>;
  state.restore(steps);
};

}  // namespace peft
