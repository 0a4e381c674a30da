// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <list>

#include <peft/io/folder_lock.hpp>

#include "plan.hpp"

/// The folders that a run writes to, --out and --export: locked, so that they are its own until it ends; refused where
/// they hold what the run is not told to go on with or to replace; and rid of what writers have left that were killed.
class Folders {
 public:
  explicit Folders(const Plan& plan);

 private:
  std::list<peft::FolderLock> locks_;
};
