// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "peft/report/numbers.hpp"
#include "peft/report/table.hpp"

namespace peft::report {

/// One buffer of the memory plan.
struct Buffer {
  std::string name;
  std::uint64_t bytes = 0;
};

/// The memory plan: every buffer with its bytes and its share, and their sum at the foot.
inline Table memory_plan(const std::vector<Buffer>& buffers) {
  std::uint64_t sum = 0;
  for (const Buffer& buffer : buffers) sum += buffer.bytes;
  const auto share = [sum](std::uint64_t part) {
    return sum == 0 ? std::string("-") : percent(static_cast<double>(part), static_cast<double>(sum));
  };
  Table table({"buffer", "memory", "share"}, {Align::Left, Align::Right, Align::Right});
  for (const Buffer& buffer : buffers) table.add({buffer.name, bytes(buffer.bytes), share(buffer.bytes)});
  table.foot({"sum", bytes(sum), share(sum)});
  return table;
}

}  // namespace peft::report
