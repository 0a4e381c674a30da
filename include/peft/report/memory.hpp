// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/resource.h>

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

namespace peft::report {

/// A value of /proc/self/status in bytes ("VmHWM", "VmRSS"); nothing where the system has no such line.
inline std::optional<std::uint64_t> process_status(std::string_view key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.size() <= key.size() || line.compare(0, key.size(), key) != 0 || line[key.size()] != ':') continue;
    const std::size_t digits = line.find_first_of("0123456789");
    if (digits == std::string::npos) break;
    return std::stoull(line.substr(digits)) * 1024;  // the file counts in kB of 1,024 bytes
  }
  return std::nullopt;
}

/// Peak resident memory of this process in bytes, mapped files included: VmHWM, or getrusage's figure where there is
/// none (that one may include the program this process was started from).
inline std::uint64_t peak_memory() {
  if (const auto peak = process_status("VmHWM")) return *peak;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return static_cast<std::uint64_t>(usage.ru_maxrss);  // bytes there
#else
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
#endif
}

/// Resident memory of this process now, in bytes; the peak where the system does not say.
inline std::uint64_t resident_memory() {
  if (const auto now = process_status("VmRSS")) return *now;
  return peak_memory();
}

/// Sets the peak back to what is resident now, so that the next peak_memory() is the peak of one phase. False where
/// the system does not allow it; the peak then goes on from the start of the process.
inline bool reset_peak_memory() {
  std::ofstream file("/proc/self/clear_refs");
  return static_cast<bool>(file << "5" << std::flush);
}

}  // namespace peft::report
