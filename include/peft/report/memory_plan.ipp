// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <string_view>

#include <peft/core/error.hpp>
#include <peft/report/memory_plan.hpp>
#include <peft/report/numbers.hpp>

namespace peft::report {

namespace memory_plan_of {

constexpr Phase phases[] = {Phase::reading, Phase::loading,   Phase::training, Phase::saving,
                            Phase::writing, Phase::exporting, Phase::checking};

/// The kind of memory that a figure counts.
PEFT_INLINE const char* kind(std::uint64_t MemorySizes::*of) {
  return of == &MemorySizes::address ? "address space" : of == &MemorySizes::data ? "memory to write to" : "memory";
}

}  // namespace memory_plan_of

PEFT_INLINE void MemoryPlan::add(Need need) {
  const auto found = std::find_if(needs_.begin(), needs_.end(), [&](const Need& n) { return n.name == need.name; });
  if (found == needs_.end())
    needs_.push_back(std::move(need));
  else
    *found = std::move(need);
}

PEFT_INLINE std::uint64_t MemoryPlan::at(Phase phase, std::uint64_t MemorySizes::*of) const {
  std::uint64_t sum = 0;
  for (const Need& need : needs_)
    if (need.from <= phase && phase <= need.to) sum += need.sizes.*of;
  return sum;
}

PEFT_INLINE Phase MemoryPlan::fullest(std::uint64_t MemorySizes::*of) const {
  return *std::max_element(std::begin(memory_plan_of::phases), std::end(memory_plan_of::phases),
                           [&](Phase a, Phase b) { return at(a, of) < at(b, of); });
}

PEFT_INLINE MemorySizes MemoryPlan::peak() const {
  MemorySizes peak;
  for (const auto of : {&MemorySizes::resident, &MemorySizes::address, &MemorySizes::data})
    peak.*of = at(fullest(of), of);
  return peak;
}

PEFT_INLINE std::vector<Buffer> MemoryPlan::at_peak() const {
  const Phase phase = fullest(&MemorySizes::resident);
  std::vector<Buffer> buffers;
  for (const Need& need : needs_)
    if (need.from <= phase && phase <= need.to && need.sizes.resident > 0)
      buffers.push_back({need.name, need.sizes.resident});
  std::stable_sort(buffers.begin(), buffers.end(), [](const Buffer& a, const Buffer& b) { return a.bytes > b.bytes; });
  return buffers;
}

/// "300 MiB for the moments, 200 MiB for the activations (less with --workers 1)": the three largest, and every one
/// that an option lowers and that counts.
PEFT_INLINE std::string MemoryPlan::largest(std::uint64_t MemorySizes::*of) const {
  const Phase phase = fullest(of);
  std::vector<const Need*> there;
  for (const Need& need : needs_)
    if (need.from <= phase && phase <= need.to && need.sizes.*of > 0) there.push_back(&need);
  std::stable_sort(there.begin(), there.end(),
                   [&](const Need* a, const Need* b) { return a->sizes.*of > b->sizes.*of; });
  const std::uint64_t small = at(phase, of) / 50;
  std::string text;
  for (std::size_t i = 0; i < there.size(); ++i) {
    const Need& need = *there[i];
    if (i >= 3 && (need.options.empty() || need.sizes.*of < small)) continue;
    text += cat(text.empty() ? "" : ", ", bytes(need.sizes.*of), " for ", need.name,
                need.options.empty() ? "" : cat(" (less with ", need.options, ")"));
  }
  return text;
}

PEFT_INLINE void MemoryPlan::check(std::span<const MemoryLimit> limits, const MemorySizes& held) const {
  const MemorySizes all = peak(), more = all - held;
  const MemoryLimit* worst = nullptr;
  std::uint64_t worst_lack = 0;
  for (const MemoryLimit& limit : limits)
    if (const std::uint64_t need = more.*limit.of; need > limit.room && need - limit.room > worst_lack) {
      worst = &limit;
      worst_lack = need - limit.room;
    }
  if (worst == nullptr) return;
  const auto of = worst->of;
  fail("this run takes ", bytes(all.*of), " of ", memory_plan_of::kind(of), ", and ", worst->name, " leaves it ",
       bytes(held.*of + worst->room), ": ", largest(of));
}

PEFT_INLINE std::string MemoryPlan::out_of_memory(const char* what) const {
  std::string text = "out of memory";
  if (std::string_view(what) != "std::bad_alloc") text += cat(": ", what);
  const MemoryLimit* least = nullptr;
  const auto limits = memory_limits();
  for (const MemoryLimit& limit : limits)
    if (least == nullptr || limit.room < least->room) least = &limit;
  if (least != nullptr)
    text += cat(": ", least->name, " leaves ", bytes(least->room), " more of ", memory_plan_of::kind(least->of));
  if (!needs_.empty()) text += cat("; planned are ", largest(least == nullptr ? &MemorySizes::resident : least->of));
  return text;
}

}  // namespace peft::report
