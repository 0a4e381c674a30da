// SPDX-License-Identifier: Apache-2.0
#include "ops_attention.hpp"

namespace {

const Case cases[] = {
    {{1}, {1}, 1, 1},
    {{3, 1, 6}, {3, 1, 6}, 2, 6},
    {{5, 2}, {5, 2}, 1, 8, true},
    {{1, 1}, {9, 17}, 2, 8},                        // one query a sequence: the last layer
    {{50, 4}, {50, 4}, 1, 3},                       // more than a block of queries
    {{4, 7}, {6, 9}, 2, 5, false, 0.3},             // keys longer by a prefix
    {{49}, {49}, 1, 2, true, 0.2},
    {{5, 3}, {5, 3}, 4, 6, true, 0, 2},             // two query heads a key head
    {{3, 1, 4}, {7, 5, 4}, 6, 10, true, 0.2, 2},    // queries at the end of their keys
    {{2, 1}, {6, 3}, 4, 3, true, 0, 1, 3},          // keys in a cache, all heads on one
    {{50, 9}, {67, 9}, 2, 2, true, 0, 1},           // a block of queries and more, behind a prefix
    {{4, 2}, {6, 3}, 3, 16, false, 0.2, 3, 2},
    {{9, 2}, {4, 3}, 2, 6},                         // cross-attention: more queries than keys
};

}  // namespace

TEST_CASE("attention's backward", "[gradcheck]") {
  for (const Case& c : cases) {
    Attention<double> a(c);
    check_backward(a, ops::NoBias{}, {});
  }
}

TEMPLATE_TEST_CASE("attention is its definition", "", float, double) {
  const double tolerance = sizeof(TestType) == 4 ? 2e-6 : 1e-13;
  std::vector<Case> all(std::begin(cases), std::end(cases));
  all.push_back({{128, 3, 64}, {128, 3, 64}, 2, 16});
  all.push_back({{130}, {130}, 1, 32, false, 0.1});
  all.push_back({{100, 64}, {130, 64}, 4, 32, true, 0.1, 2, 5});
  for (const Case& c : all) {
    INFO(c);
    Attention<TestType> a(c);
    a.forward();
    CHECK(difference(a.out.host(), a.reference()) < tolerance);
  }
}

TEST_CASE("a token at a time over a cache is the whole sequence at once") {
  constexpr int n = 60;
  Attention<float> all({{n}, {n}, 4, 6, true, 0, 2});
  all.forward();
  const auto together = all.out.host();
  for (const int at : {0, 1, 47, 48, n - 1}) {
    Attention<float> one({{1}, {at + 1}, 4, 6, true, 0, 2, n});
    const auto q = all.q.host(), k = all.k.host(), v = all.v.host();
    one.q.set(std::vector<float>(q.begin() + at * 24, q.begin() + (at + 1) * 24));
    for (int j = 0; j <= at; ++j)
      for (int c = 0; c < 12; ++c) one.k.view(j, c) = k[j * 12 + c], one.v.view(j, c) = v[j * 12 + c];
    one.forward();
    CHECK(difference(one.out.host(), std::vector<float>(together.begin() + at * 24, together.begin() + (at + 1) * 24)) <
          1e-6);
  }
}

TEST_CASE("packed sequences do not see each other") {
  Attention<float> all({{3, 60, 1, 5}, {3, 60, 1, 5}, 2, 6});
  all.forward();
  const auto together = all.out.host();
  for (int b = 0; b < 4; ++b) {
    const int n = all.c.queries[b], begin = all.q_offsets[b];
    Attention<float> alone({{n}, {n}, 2, 6});
    const auto rows = [&](const Tens<float>& from) {
      const auto h = from.host();
      return std::vector<float>(h.begin() + begin * 12, h.begin() + (begin + n) * 12);
    };
    alone.q.set(rows(all.q));
    alone.k.set(rows(all.k));
    alone.v.set(rows(all.v));
    alone.forward();
    CHECK(alone.out.host() == std::vector<float>(together.begin() + begin * 12, together.begin() + (begin + n) * 12));
  }
}
