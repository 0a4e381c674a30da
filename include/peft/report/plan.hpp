// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <peft/report/table.hpp>

namespace peft::report {

/// One buffer of the memory plan.
struct Buffer {
  std::string name;
  std::uint64_t bytes = 0;
};

/// The memory plan: every buffer with its bytes and its share, and their sum at the foot.
Table memory_plan(const std::vector<Buffer>& buffers);

}  // namespace peft::report

#ifndef PEFT_SEPARATE
#include <peft/report/plan.ipp>
#endif
