// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <functional>

namespace peft {

/// Workers that share out the groups of a batch. What must be the same for any number of them happens in the groups'
/// order.
class Team {
 public:
  /// f(worker, group) for groups 0 .. groups - 1, taken in order by whichever of the `workers` is free. The first
  /// exception is thrown again here; the others stop then.
  void run(int workers, int groups, const std::function<void(int worker, int group)>& f);

  /// Called by f once for every group, if for any: `then` runs when all groups before this one have had their turn. Not
  /// when a group has failed.
  void in_order(int group, const std::function<void()>& then);

 private:
  std::atomic<int> next_{0}, turn_{0};
  std::atomic<bool> failed_{false};
};

/// Throws Error unless the system lets `workers` threads run side by side, which OpenMP would end the process for.
void require_threads(int workers);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/train/team.ipp>
#endif
