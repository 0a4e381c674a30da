// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <peft/core/inline.hpp>

namespace peft::report {

/// Memory of a process, as the kinds of limits count it.
struct MemorySizes {
  std::uint64_t resident = 0;  // bytes in memory: what the machine and control groups count
  std::uint64_t address = 0;   // bytes of addresses: files as far as they are mapped, whole stacks
  std::uint64_t data = 0;      // bytes of addresses that are the process's own to write to

  friend MemorySizes operator+(const MemorySizes& a, const MemorySizes& b) {
    return {a.resident + b.resident, a.address + b.address, a.data + b.data};
  }
  /// What exceeds `b`, each by itself; at least 0.
  friend MemorySizes operator-(const MemorySizes& a, const MemorySizes& b) {
    const auto beyond = [](std::uint64_t x, std::uint64_t y) { return x > y ? x - y : 0; };
    return {beyond(a.resident, b.resident), beyond(a.address, b.address), beyond(a.data, b.data)};
  }
};

/// The room that one limit leaves, and whose limit it is.
struct MemoryLimit {
  std::string name;  // "the machine", "the control group /jobs/7", "ulimit -v"
  std::uint64_t MemorySizes::*of = &MemorySizes::resident;
  std::uint64_t room = 0;  // bytes
};

/// This process's memory now (/proc/self/status).
MemorySizes memory_now(const std::filesystem::path& root = "/");

/// Every limit that the process is under: what the machine has available, of its control groups (versions 1 and 2, each
/// with all above it) memory.max, memory.high and memory.limit_in_bytes, ulimit -v and ulimit -d, and, where the
/// machine allows no more to be promised than it has, what is left to promise. Files that can be read anew count as
/// room; swap does not: a run that lives on it does not come to its end. `root`: the folder that /proc and /sys lie in.
/// What cannot be read is no limit.
std::vector<MemoryLimit> memory_limits(const std::filesystem::path& root = "/");

}  // namespace peft::report

#ifndef PEFT_SEPARATE
#include <peft/report/memory_limits.ipp>
#endif
