// SPDX-License-Identifier: Apache-2.0
#include <peft/core/rng.hpp>
#include <peft/train/groups.hpp>

#include "catch.hpp"

using namespace peft;

namespace {

std::vector<std::int32_t> offsets_of(const std::vector<int>& lengths, std::int32_t start = 0) {
  std::vector<std::int32_t> out{start};
  for (const int n : lengths) out.push_back(out.back() + n);
  return out;
}
std::vector<int> lengths(std::uint64_t seed, int count, int longest) {
  std::vector<int> out;
  for (int i = 0; i < count; ++i)
    out.push_back(1 + static_cast<int>(rng::combine(seed, std::uint64_t(i)) % std::uint64_t(longest)));
  return out;
}

}  // namespace

TEST_CASE("groups hold whole sequences, all of them once, in their order", "[train]") {
  for (std::uint64_t seed = 0; seed < 60; ++seed)
    for (const Grouping g : {Grouping{}, Grouping{40, 2}, Grouping{1, 1}, Grouping{100000, 4}, Grouping{64, 7}}) {
      const auto offsets = offsets_of(lengths(seed, 1 + static_cast<int>(seed), 60));
      const auto cuts = cut_groups(offsets, g);
      REQUIRE(cuts.size() >= 2);
      CHECK(cuts.front() == 0);
      CHECK(cuts.back() == static_cast<int>(seed) + 1);
      for (std::size_t i = 1; i < cuts.size(); ++i) CHECK(cuts[i] > cuts[i - 1]);
    }
}

TEST_CASE("groups depend on the lengths alone", "[train]") {
  const auto some = lengths(3, 40, 30);
  const auto cuts = cut_groups(offsets_of(some), {});
  CHECK(cuts == cut_groups(offsets_of(some, 1234), {}));  // a batch inside another array
  CHECK(cuts == cut_groups(offsets_of(some), {}));
  CHECK(cuts != cut_groups(offsets_of(some), {100, 2}));
}

TEST_CASE("groups are of about equal size, and as many as were asked for", "[train]") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const int longest = 30;
    const auto offsets = offsets_of(lengths(seed, 64, longest));
    const Grouping g{128, 2};
    const auto cuts = cut_groups(offsets, g);
    const int groups = static_cast<int>(cuts.size()) - 1;
    const double ideal = double(offsets.back()) / groups;
    CHECK(groups % g.multiple == 0);
    CHECK(std::abs(ideal - g.tokens) < g.tokens);
    for (std::size_t i = 1; i < cuts.size(); ++i) {
      const int tokens = offsets[std::size_t(cuts[i])] - offsets[std::size_t(cuts[i - 1])];
      CHECK(std::abs(tokens - ideal) <= longest);
    }
  }
}

TEST_CASE("groups at the edges", "[train]") {
  CHECK(cut_groups(offsets_of({7}), {}) == std::vector<int>{0, 1});
  CHECK(cut_groups(offsets_of({7, 7}), {}) == std::vector<int>{0, 1, 2});
  CHECK(cut_groups(offsets_of({500, 500, 500}), {256, 2}) == std::vector<int>{0, 1, 2, 3});
  CHECK(cut_groups(offsets_of({1, 1, 1, 1}), {256, 4}) == std::vector<int>{0, 1, 2, 3, 4});
  // One very long sequence among short ones: nothing is lost and no group is empty.
  const auto cuts = cut_groups(offsets_of({1, 1, 900, 1, 1, 1}), {100, 2});
  CHECK(cuts.front() == 0);
  CHECK(cuts.back() == 6);
  // Virtual rows count for every sequence.
  const auto offsets = offsets_of(std::vector<int>(32, 8));
  CHECK(cut_groups(offsets, {256, 1}).size() == 2);
  CHECK(cut_groups(offsets, {256, 1}, 8).size() == 3);
}
