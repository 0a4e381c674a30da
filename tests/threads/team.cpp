// SPDX-License-Identifier: Apache-2.0
#include <peft/core/error.hpp>
#include <peft/train/team.hpp>

#include <atomic>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"

using namespace peft;

// Run by themselves they show little; under the thread sanitizer (scripts/test --tsan) they show every access that
// nothing orders.

TEST_CASE("what happens in the groups' order needs no lock", "[threads]") {
  Team team;
  for (const int workers : {1, 2, 5, 9}) {
    std::vector<int> order, written(100);
    for (int round = 0; round < 20; ++round) {
      order.clear();
      team.run(workers, 100, [&](int, int group) {
        written[static_cast<std::size_t>(group)] = group;
        team.in_order(group, [&] { order.push_back(written[static_cast<std::size_t>(group)]); });
      });
      std::vector<int> all(100);
      std::iota(all.begin(), all.end(), 0);
      REQUIRE(order == all);
    }
  }
}

TEST_CASE("each worker keeps what is its own from one run to the next", "[threads]") {
  Team team;
  std::vector<long> sums(4);
  for (int round = 0; round < 50; ++round)
    team.run(4, 32, [&](int worker, int group) { sums[static_cast<std::size_t>(worker)] += group; });
  CHECK(std::accumulate(sums.begin(), sums.end(), 0L) == 50 * 31 * 16);
}

TEST_CASE("a group that fails ends the run, and the next one begins afresh", "[threads]") {
  Team team;
  for (int failing = 0; failing < 8; ++failing) {
    int done = 0;
    const auto work = [&](int bad) {
      return [&, bad](int, int group) {
        require(group != bad, "group ", group);
        team.in_order(group, [&] { ++done; });
      };
    };
    CHECK_THROWS_WITH(team.run(3, 8, work(failing)), "group " + std::to_string(failing));
    CHECK(done <= failing);
    done = 0;
    team.run(3, 8, work(-1));
    CHECK(done == 8);
  }
}

TEST_CASE("a race that the thread sanitizer must see", "[.race]") {
  Team team;
  int sum = 0;
  std::atomic<int> come = 0;  // orders nothing, but there are two workers
  team.run(2, 2, [&](int, int group) {
    sum += group;
    for (come.fetch_add(1, std::memory_order_relaxed); come.load(std::memory_order_relaxed) < 2;)
      std::this_thread::yield();
  });
  CHECK(sum == 1);
}
