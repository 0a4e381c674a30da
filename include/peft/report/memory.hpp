// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace peft::report {

/// A value of /proc/self/status in bytes ("VmHWM", "VmRSS"); nothing where the system has no such line.
std::optional<std::uint64_t> process_status(std::string_view key);

/// Peak resident memory of this process in bytes, mapped files included: VmHWM, or getrusage's figure where there is
/// none (that one may include the program this process was started from).
std::uint64_t peak_memory();

/// Resident memory of this process now, in bytes; the peak where the system does not say.
std::uint64_t resident_memory();

/// Bytes that become resident where these parts of mapped files are read: whole windows of 64 KiB, since Linux maps
/// what lies around a page that it was asked for, as far as it is cached.
std::uint64_t resident_when_read(std::vector<std::span<const std::byte>> parts);

/// Sets the peak back to what is resident now, so that the next peak_memory() is the peak of one phase. False where
/// the system does not allow it; the peak then goes on from the start of the process.
bool reset_peak_memory();

}  // namespace peft::report

#ifndef PEFT_SEPARATE
#include <peft/report/memory.ipp>
#endif
