// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/inline.hpp>

namespace peft {

/// Kokkos as this library wants it, from here to the end of the scope. Workers are this library's own, one thread each
/// on a Kokkos::Serial: Kokkos' OpenMP space gets one thread (`kokkos_threads` for kernels of one's own), nothing is
/// bound to a core (several processes would share the first one), and Kokkos does not advise to do so. Where Kokkos
/// runs already, because main has a Kokkos::ScopeGuard of its own, a session does nothing. Throws Error for thread
/// counts that Kokkos cannot hold, where Kokkos would write over its own memory or abort, and when Kokkos has been
/// finalized: it cannot start twice.
class Session {
 public:
  explicit Session(int kokkos_threads = 1);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

 private:
  bool mine_;  // Kokkos was started here, and ends here
};

/// Throws Error unless Kokkos runs; `what` is what needs it, as in "an engine".
void require_kokkos(const char* what);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/core/session.ipp>
#endif
