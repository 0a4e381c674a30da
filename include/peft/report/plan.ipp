// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/inline.hpp>
#include <peft/report/numbers.hpp>
#include <peft/report/plan.hpp>

namespace peft::report {

PEFT_INLINE Table memory_plan(const std::vector<Buffer>& buffers) {
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
