// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <type_traits>
#include <variant>

#include <peft/task/head.hpp>

namespace peft {

/// One of several tasks, chosen at run time, so that a method need be compiled only once for all of them. They must
/// agree on whether the last layer computes all rows.
template <class Task, class... More>
struct OneOf : LinearHead {
  static constexpr Reads reads = Task::reads;
  static_assert((((More::reads == Reads::first) == (reads == Reads::first)) && ...),
                "peft::OneOf: tasks that read the first token and tasks that read all rows are compiled apart");

  std::variant<Task, More...> task;

  OneOf() = default;
  template <class Any>
    requires(std::is_same_v<Any, Task> || (std::is_same_v<Any, More> || ...))
  OneOf(const Any& chosen) : LinearHead{chosen.labels, chosen.initial_deviation, chosen.lr_factor}, task(chosen) {}

  Reads read() const {
    return std::visit([](const auto& t) { return t.read(); }, task);
  }
  Extent together() const {
    return std::visit([](const auto& t) { return t.together(); }, task);
  }
  const char* architecture() const {
    return std::visit([](const auto& t) { return t.architecture(); }, task);
  }
  bool regression() const {
    return std::visit([](const auto& t) { return t.regression(); }, task);
  }
  void check(const Batch& batch) const {
    std::visit([&](const auto& t) { t.check(batch); }, task);
  }
  std::int64_t counted(const Batch& batch) const {
    return std::visit([&](const auto& t) { return t.counted(batch); }, task);
  }
  void loss(auto& w, auto logits, auto targets, double weight, auto losses, auto dlogits) const {
    std::visit([&](const auto& t) { t.loss(w, logits, targets, weight, losses, dlogits); }, task);
  }
};

}  // namespace peft
