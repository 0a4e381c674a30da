// SPDX-License-Identifier: Apache-2.0
#include <peft/core/error.hpp>
#include <peft/report/memory.hpp>
#include <peft/report/memory_plan.hpp>

#include <string>

#include "catch.hpp"

using namespace peft::report;

namespace {

constexpr std::uint64_t MiB = 1 << 20;

/// 10 of the program; 30 while it loads; 40 and a map of 100 while it trains; 25 in copies while it saves.
MemoryPlan plan() {
  MemoryPlan plan;
  plan.add({"the program", {10 * MiB, 60 * MiB, 20 * MiB}, Phase::loading, Phase::checking});
  plan.add({"conversion", written(30 * MiB), Phase::loading, Phase::loading});
  plan.add({"the map", {5 * MiB, 100 * MiB, 0}, Phase::loading, Phase::checking});
  plan.add({"activations", written(35 * MiB), Phase::training, Phase::checking, "--workers 1"});
  plan.add({"moments", written(7 * MiB), Phase::training, Phase::saving});
  plan.add({"copies", written(25 * MiB), Phase::saving, Phase::saving, "no --out"});
  return plan;
}

std::string refusal(const MemoryPlan& plan, const std::vector<MemoryLimit>& limits, MemorySizes held = {}) {
  try {
    plan.check(limits, held);
  } catch (const peft::Error& e) {
    return e.what();
  }
  return "";
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a plan's peak is the most that is there at once", "[report]") {
  MemoryPlan all = plan();
  CHECK(all.peak().resident == (10 + 5 + 35 + 7 + 25) * MiB);
  CHECK(all.peak().address == (60 + 100 + 35 + 7 + 25) * MiB);
  CHECK(all.peak().data == (20 + 35 + 7 + 25) * MiB);
  const auto there = all.at_peak();
  REQUIRE(there.size() == 5);
  CHECK(there[0].name == "activations");
  CHECK(there[1].name == "copies");
  CHECK(there[4].name == "the map");
  // What is known better takes the place of what was known before.
  all.add({"activations", written(1 * MiB), Phase::training, Phase::checking});
  CHECK(all.peak().resident == (10 + 5 + 1 + 7 + 25) * MiB);
  all.add({"copies", {}, Phase::saving, Phase::saving});
  CHECK(all.peak().resident == (10 + 5 + 30) * MiB);  // now loading is the worst
  CHECK(MemoryPlan().peak().resident == 0);
}

TEST_CASE("a plan that fits passes, one that does not is refused in a sentence", "[report]") {
  const MemoryLimit machine{"the machine", &MemorySizes::resident, 82 * MiB},
      shell{"ulimit -v", &MemorySizes::address, 227 * MiB}, data{"ulimit -d", &MemorySizes::data, 87 * MiB};
  CHECK(refusal(plan(), {machine, shell, data}) == "");
  CHECK(refusal(plan(), {}) == "");
  const auto less = [](MemoryLimit limit, std::uint64_t by = 1) {
    limit.room -= by;
    return limit;
  };
  const std::string no = refusal(plan(), {less(machine, 2 * MiB), shell, data});
  for (
      const char* part :
      {"takes 82.0 MiB of memory", "the machine leaves it 80.0 MiB",
       "35.0 MiB for activations (less with --workers 1), 25.0 MiB for copies (less with no --out), 10.0 MiB for the program"})
    CHECK(has(no, part));
  CHECK(!has(no, "moments"));  // small, and nothing lowers it
  CHECK(has(refusal(plan(), {machine, less(shell), data}), "of address space, and ulimit -v leaves it"));
  CHECK(has(refusal(plan(), {machine, less(shell), data}), "100 MiB for the map"));
  CHECK(has(refusal(plan(), {machine, shell, less(data)}), "of memory to write to, and ulimit -d leaves it"));
  // Of two the worse is named.
  CHECK(has(refusal(plan(), {less(machine), less(shell, 40 * MiB), data}), "ulimit -v"));
  // What is there already is not asked for again.
  CHECK(refusal(plan(), {less(machine, 12 * MiB)}, {12 * MiB, 0, 0}) == "");
  CHECK(has(refusal(plan(), {less(machine, 13 * MiB)}, {12 * MiB, 0, 0}), "leaves it 81.0 MiB"));
}

TEST_CASE("where memory is out all the same, that is said with what was planned", "[report]") {
  const std::string text = plan().out_of_memory("no 5 bytes could be had for a map");
  CHECK(has(text, "out of memory: no 5 bytes could be had for a map: "));
  CHECK(has(text, "planned are 35.0 MiB for activations"));
  CHECK(!has(MemoryPlan().out_of_memory("std::bad_alloc"), "bad_alloc"));
}

TEST_CASE("reading a part of a mapped file makes the windows around it resident", "[report]") {
  const auto* const start = reinterpret_cast<const std::byte*>(std::uintptr_t{1} << 30);
  const auto part = [&](std::size_t at, std::size_t n) { return std::span(start + at, n); };
  constexpr std::size_t window = 1 << 16;
  CHECK(resident_when_read({}) == 0);
  CHECK(resident_when_read({part(0, 0)}) == 0);
  CHECK(resident_when_read({part(100, 4)}) == window);
  CHECK(resident_when_read({part(window - 2, 4)}) == 2 * window);
  CHECK(resident_when_read({part(9 * window, 4), part(100, 4), part(200, 4), part(9 * window + 7, window)}) ==
        3 * window);
}
