// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/report/memory_limits.hpp>
#include <peft/report/plan.hpp>

namespace peft::report {

/// The parts of a run, in their order.
enum class Phase { reading, loading, training, saving, writing, exporting, checking };

/// A consumer of memory, and the phases of a run in which it exists.
struct Need {
  std::string name;
  MemorySizes sizes;
  Phase from = Phase::loading, to = Phase::checking;
  std::string options{};  // what lowers it: "--max-length, --workers 1 (30 MiB less)"
};

/// Memory of the process's own: n bytes that are all written to.
inline MemorySizes written(std::uint64_t n) { return {n, n, n}; }

/// The memory of a whole run before any is allocated: what is needed, and when. It is computed from sizes alone, so it
/// needs no run.
class MemoryPlan {
 public:
  /// Replaces a need of the same name.
  void add(Need need);
  const std::vector<Need>& needs() const { return needs_; }

  /// The peak of each of the three figures, which may fall in different phases.
  MemorySizes peak() const;
  /// The needs that exist at the peak of resident memory, largest first.
  std::vector<Buffer> at_peak() const;

  /// Throws Error in one sentence where a limit leaves less than the plan takes. `held`: what of it the process has
  /// already.
  void check(std::span<const MemoryLimit> limits, const MemorySizes& held) const;
  /// The same with the system's current limits.
  void check() const { check(memory_limits(), memory_now()); }

  /// The message for an allocation that fails although the plan fits.
  std::string out_of_memory(const char* what) const;

 private:
  std::uint64_t at(Phase phase, std::uint64_t MemorySizes::*of) const;
  Phase fullest(std::uint64_t MemorySizes::*of) const;
  std::string largest(std::uint64_t MemorySizes::*of) const;

  std::vector<Need> needs_;
};

}  // namespace peft::report

#ifndef PEFT_SEPARATE
#include <peft/report/memory_plan.ipp>
#endif
