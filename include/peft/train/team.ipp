// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <omp.h>

#include <algorithm>
#include <exception>
#include <latch>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include <peft/core/error.hpp>
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
  while (turn_.load(std::memory_order_acquire) != group && !failed_.load(std::memory_order_relaxed))
    std::this_thread::yield();
  if (failed_.load(std::memory_order_relaxed)) return;
  then();
  turn_.store(group + 1, std::memory_order_release);
}

PEFT_INLINE void require_threads(int workers) {
  static std::atomic<int> had{1};  // so many were there at once, and OpenMP may hold them by now
  std::latch over(1);
  std::vector<std::jthread> threads;
  threads.reserve(static_cast<std::size_t>(std::max(workers, 0)));
  std::string problem;
  try {
    for (int i = had; i < workers; ++i) threads.emplace_back([&over] { over.wait(); });
  } catch (const std::system_error& e) {
    problem = e.code().message();
  }
  const int there = had + static_cast<int>(threads.size());
  over.count_down();
  require(problem.empty(), workers, " workers: the system gives this process ", there,
          there == 1 ? " thread" : " threads", " and no more (", problem,
          "); take fewer workers, or raise its limits (ulimit -u and -v, a container's number of processes)");
  had = std::max<int>(had, workers);
}

}  // namespace peft
