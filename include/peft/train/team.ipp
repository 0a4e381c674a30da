// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <omp.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>

#include <peft/core/inline.hpp>
#include <peft/train/team.hpp>

namespace peft {

PEFT_INLINE void Team::run(int workers, int groups, const std::function<void(int, int)>& f) {
  std::exception_ptr error;
  std::mutex guard;
  next_ = turn_ = 0;
  failed_ = false;
  const int n = std::min(workers, groups);
  // An OpenMP region, not threads of our own: these would inherit the main thread's core under OMP_PROC_BIND.
#pragma omp parallel num_threads(n) if (n > 1)
  {
    const int worker = omp_get_thread_num();
    for (int group; !failed_ && (group = next_++) < groups;) {
      try {
        f(worker, group);
      } catch (...) {
        const std::lock_guard lock(guard);
        if (!error) error = std::current_exception();
        failed_ = true;
      }
    }
  }
  if (error) std::rethrow_exception(error);
}

PEFT_INLINE void Team::in_order(int group, const std::function<void()>& then) {
  while (turn_.load(std::memory_order_acquire) != group && !failed_.load(std::memory_order_relaxed)) std::this_thread::yield();
  if (failed_.load(std::memory_order_relaxed)) return;
  then();
  turn_.store(group + 1, std::memory_order_release);
}

}  // namespace peft
