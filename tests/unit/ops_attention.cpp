// SPDX-License-Identifier: Apache-2.0
#include <peft/ops/attention.hpp>
#include <peft/testing/gradcheck_op.hpp>

#include <cmath>
#include <vector>

#include "catch.hpp"

using namespace peft;
template <class T>
using Tens = testing::Tensor<T>;

namespace {

/// Sequences of `queries[i]` query rows and `keys[i]` key rows.
struct Case {
  std::vector<int> queries, keys;
  Extent heads, width;  // of one head
  bool causal = false;
  double dropout = 0;
};

template <class T>
struct Attention {
  Case c;
  std::vector<int> q_offsets{0}, k_offsets{0}, example, position;
  Extent n = 0, m = 0, d;
  ops::Segments s;
  Dropout drop;
  Tens<T> q, k, v, out, lse;
  Worker<Host> w = testing::roomy_worker(1 << 26);

  explicit Attention(const Case& given, std::uint64_t seed = 1) : c(given), d(given.heads * given.width) {
    for (std::size_t i = 0; i < c.queries.size(); ++i) {
      q_offsets.push_back(n += c.queries[i]);
      k_offsets.push_back(m += c.keys[i]);
      s.longest_keys = std::max(s.longest_keys, c.keys[i]);
      for (int t = 0; t < c.queries[i]; ++t) example.push_back(static_cast<int>(i)), position.push_back(t);
    }
    s.sequences = static_cast<Extent>(c.queries.size());
    s.heads = c.heads;
    s.scale = 1 / std::sqrt(double(c.width));
    s.causal = c.causal;
    s.q_offsets = q_offsets.data();
    s.k_offsets = k_offsets.data();
    if (c.dropout > 0) drop = {11, static_cast<std::uint32_t>(c.dropout * 4294967296.), 1 / (1 - c.dropout), example.data(), position.data()};
    q = Tens<T>::random(n, d, seed);
    k = Tens<T>::random(m, d, seed + 1);
    v = Tens<T>::random(m, d, seed + 2);
    out = Tens<T>(n, d);
    lse = Tens<T>(n, c.heads);
  }
  void forward(bool keep = true) {
    ops::attention(w, s, q.read(), k.read(), v.read(), out.view, keep ? lse.view : Mat<T>(), drop);
  }
  /// The definition, in double.
  std::vector<double> reference() const {
    std::vector<double> y(static_cast<std::size_t>(n) * d);
    for (Extent b = 0; b < s.sequences; ++b)
      for (Extent i = q_offsets[b]; i < q_offsets[b + 1]; ++i)
        for (Extent h = 0; h < c.heads; ++h) {
          const Extent begin = k_offsets[b], end = c.causal ? begin + i - q_offsets[b] + 1 : k_offsets[b + 1];
          std::vector<double> p;
          double sum = 0;
          for (Extent j = begin; j < end; ++j) {
            double x = 0;
            for (Extent a = h * c.width; a < (h + 1) * c.width; ++a) x += double(q.view(i, a)) * k.view(j, a);
            p.push_back(std::exp(x * s.scale));
            sum += p.back();
          }
          for (Extent j = begin; j < end; ++j) {
            double x = p[static_cast<std::size_t>(j - begin)] / sum;
            if (drop.active())
              x = drop.keeps(ops::attention_row(drop, i, h), static_cast<std::uint32_t>(j - begin)) ? x * drop.scale : 0;
            for (Extent a = h * c.width; a < (h + 1) * c.width; ++a) y[static_cast<std::size_t>(i) * d + a] += x * v.view(j, a);
          }
        }
    return y;
  }
};

const Case cases[] = {
    {{1}, {1}, 1, 1},
    {{3, 1, 6}, {3, 1, 6}, 2, 6},
    {{5, 2}, {5, 2}, 1, 8, true},
    {{1, 1}, {9, 17}, 2, 8},                 // one query a sequence: the last layer
    {{50, 4}, {50, 4}, 1, 3},                // more than a block of queries
    {{4, 7}, {6, 9}, 2, 5, false, 0.3},      // keys longer by a prefix
    {{49}, {49}, 1, 2, true, 0.2},
};

}  // namespace

TEST_CASE("attention's backward", "[gradcheck]") {
  for (const Case& c : cases) {
    INFO(c.queries[0] << " queries, " << c.heads << " heads of " << c.width << (c.causal ? ", causal" : "") << ", dropout " << c.dropout);
    Attention<double> a(c);
    Tens<double> r = Tens<double>::random(a.n, a.d, 9), dq(a.n, a.d), dk(a.m, a.d), dv(a.m, a.d);
    const auto loss = [&] {
      a.forward(false);
      return testing::dot(a.out, r);
    };
    const auto backward = [&] {
      a.forward();
      ops::attention_backward(a.w, a.s, a.q.read(), a.k.read(), a.v.read(), a.lse.read(), r.read(), dq.view, dk.view, dv.view, a.drop);
    };
    const auto result = testing::gradcheck_op(loss, backward, {{"q", a.q, dq}, {"k", a.k, dk}, {"v", a.v, dv}});
    INFO(result);
    CHECK(result.worst < 1e-6);
    if (a.m > 1) {
      const auto flipped = [&] {
        backward();
        ops::axpby<Host, double>(a.w, -1, dv.read(), 0, dv.view);
      };
      CHECK(testing::gradcheck_op(loss, flipped, {{"v", a.v, dv}}).worst > 1e-2);
    }

    // Absent gradients change nothing else, and results may take their operands' place.
    backward();
    Tens<double> only_v(a.m, a.d), only_q(a.n, a.d), again(a.m, a.d);
    using None = Mat<double>;
    ops::attention_backward(a.w, a.s, a.q.read(), a.k.read(), a.v.read(), a.lse.read(), r.read(), None(), None(), only_v.view, a.drop);
    CHECK(only_v.host() == dv.host());
    ops::attention_backward(a.w, a.s, a.q.read(), a.k.read(), a.v.read(), a.lse.read(), r.read(), only_q.view, None(), again.view, a.drop);
    CHECK(only_q.host() == dq.host());
    ops::attention_backward(a.w, a.s, a.q.read(), a.k.read(), a.v.read(), a.lse.read(), r.read(), a.q.view, a.k.view, a.v.view, a.drop);
    CHECK(a.q.host() == dq.host());
    CHECK(a.k.host() == dk.host());
    CHECK(a.v.host() == dv.host());
  }
}

TEMPLATE_TEST_CASE("attention is its definition", "", float, double) {
  const double tolerance = sizeof(TestType) == 4 ? 2e-6 : 1e-13;
  std::vector<Case> all(std::begin(cases), std::end(cases));
  all.push_back({{128, 3, 64}, {128, 3, 64}, 2, 16});
  all.push_back({{130}, {130}, 1, 32, false, 0.1});
  for (const Case& c : all) {
    Attention<TestType> a(c);
    a.forward();
    const auto y = a.out.host();
    const auto wanted = a.reference();
    double worst = 0;
    for (std::size_t i = 0; i < y.size(); ++i) worst = std::max(worst, std::abs(double(y[i]) - wanted[i]));
    CHECK(worst < tolerance);
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
