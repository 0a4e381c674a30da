// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/resource.h>
#include <algorithm>
#include <fstream>

#include <peft/core/inline.hpp>
#include <peft/report/memory.hpp>

namespace peft::report {

PEFT_INLINE std::optional<std::uint64_t> process_status(std::string_view key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.size() <= key.size() || line.compare(0, key.size(), key) != 0 || line[key.size()] != ':') continue;
    const std::size_t digits = line.find_first_of("0123456789");
    if (digits == std::string::npos) break;
    return std::stoull(line.substr(digits)) * 1024;  // the file counts in kB of 1,024 bytes
  }
  return std::nullopt;
}

PEFT_INLINE std::uint64_t peak_memory() {
  if (const auto peak = process_status("VmHWM")) return *peak;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return static_cast<std::uint64_t>(usage.ru_maxrss);  // bytes there
#else
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
#endif
}

PEFT_INLINE std::uint64_t resident_memory() {
  if (const auto now = process_status("VmRSS")) return *now;
  return peak_memory();
}

PEFT_INLINE std::uint64_t resident_when_read(std::vector<std::span<const std::byte>> parts) {
  constexpr std::uintptr_t window = 1 << 16;
  std::erase_if(parts, [](const auto& part) { return part.empty(); });
  std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.data() < b.data(); });
  std::uint64_t sum = 0;
  std::uintptr_t done = 0;  // windows up to here are counted
  for (const auto& part : parts) {
    const auto at = reinterpret_cast<std::uintptr_t>(part.data());
    const std::uintptr_t begin = std::max(done, at / window * window),
                         end = (at + part.size() + window - 1) / window * window;
    if (end <= begin) continue;
    sum += end - begin;
    done = end;
  }
  return sum;
}

PEFT_INLINE bool reset_peak_memory() {
  std::ofstream file("/proc/self/clear_refs");
  return static_cast<bool>(file << "5" << std::flush);
}

}  // namespace peft::report
