// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/libraries.hpp>
#include <peft/core/tensor.hpp>
#include <peft/core/workspace.hpp>

namespace peft {

template <ExecutionSpace E>
struct Worker;

/// What an op is called with: a worker, or what has one (the context of a delta).
template <ExecutionSpace E>
struct OnWorker {
  Worker<E>& w;
  OnWorker(Worker<E>& worker) : w(worker) {}
};
/// A worker has itself, also once it is moved.
template <ExecutionSpace E>
struct OnItself : OnWorker<E> {
  OnItself() : OnWorker<E>(static_cast<Worker<E>&>(*this)) {}
  OnItself(const OnItself&) : OnItself() {}
};

/// Whoever runs ops: an execution-space instance and the memory it works in. On the host there are several, each single
/// threaded with an instance of its own (instances lock); on a GPU there is one.
template <ExecutionSpace E>
struct Worker : OnItself<E> {
  E exec = make();
  Workspace<E> space;
  Libraries libraries;  // handles of those that ops call, and the weights that they have prepared

  /// While planning, ops are switched off and views have no memory.
  bool planning() const { return space.counting(); }

  template <class T>
  Mat<T, E> keep(Extent rows, Extent cols, const char* name = "stash") {
    return space.template keep<T>(rows, cols, name);
  }
  template <class T>
  Mat<T, E> temp(Extent rows, Extent cols, const char* name = "temporary") {
    return space.template temp<T>(rows, cols, name);
  }
  [[nodiscard]] typename Workspace<E>::Scope scope() { return typename Workspace<E>::Scope(space); }

  void fence() const {
    if (!planning()) exec.fence("peft::worker");
  }

 private:
  static E make() {
    if constexpr (std::is_same_v<E, Kokkos::Serial>)
      return Kokkos::Serial{Kokkos::NewInstance{}};
    else
      return E{};
  }
};

}  // namespace peft
