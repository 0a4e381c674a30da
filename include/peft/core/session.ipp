// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <omp.h>

#include <Kokkos_Core.hpp>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include <peft/core/error.hpp>
#include <peft/core/session.hpp>

namespace peft {

namespace session {

constexpr int most_threads = 512;  // the length of an array in Kokkos' OpenMP space, which nothing there checks

PEFT_INLINE int threads(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return otherwise;
  int n = 0;
  const char* end = text + std::strlen(text);
  const auto [stopped, error] = std::from_chars(text, end, n);
  require(error == std::errc{} && stopped == end && n >= 1 && n <= most_threads, variable, "=", text,
          ": Kokkos takes a number of threads from 1 to ", most_threads,
          "; change or unset the variable (workers do not depend on it)");
  return n;
}

}  // namespace session

PEFT_INLINE Session::Session(int kokkos_threads) : mine_(!Kokkos::is_initialized()) {
  require(!Kokkos::is_finalized(),
          "Kokkos has been finalized, and it cannot start again in the same process: keep one peft::Session (or ",
          "Kokkos::ScopeGuard) in main around everything");
  if (!mine_) return;
  require(kokkos_threads >= 1 && kokkos_threads <= session::most_threads, "a session of ", kokkos_threads,
          " Kokkos threads: from 1 to ", session::most_threads, " are possible");
  const int threads = session::threads("KOKKOS_NUM_THREADS", kokkos_threads);
  // Kokkos counts OpenMP's threads by starting them all, and sets the default of every OpenMP program part to its own.
  const int others = omp_get_max_threads();
  omp_set_num_threads(threads);
  Kokkos::initialize(Kokkos::InitializationSettings().set_disable_warnings(true).set_num_threads(threads));
  omp_set_num_threads(others);
}

PEFT_INLINE Session::~Session() {
  if (mine_ && Kokkos::is_initialized()) Kokkos::finalize();
}

PEFT_INLINE void require_kokkos(const char* what) {
  if (Kokkos::is_initialized()) return;
  fail(what, " needs Kokkos, which ", Kokkos::is_finalized() ? "has been finalized" : "has not been started",
       ": keep a peft::Session (or Kokkos::ScopeGuard) in main for as long as models train and predict");
}

}  // namespace peft
