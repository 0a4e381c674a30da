// SPDX-License-Identifier: Apache-2.0
#include <peft/ops/bucket_bias.hpp>
#include <peft/ops/disentangled_bias.hpp>

#include "ops_attention.hpp"

namespace {

template <class T>
using Bucket = ops::BucketBias<T, Host>;
template <class T>
using Apart = ops::Disentangled<T, Host>;

const Case cases[] = {
    {{3, 1, 6}, {3, 1, 6}, 2, 6},
    {{5, 2}, {5, 2}, 1, 8, true},
    {{49, 2}, {49, 2}, 1, 2},                     // more than a block of queries
    {{4, 7}, {6, 9}, 2, 5, false, 0.3, 0, 0, 2},  // keys longer by a prefix
    {{3, 1, 4}, {7, 5, 4}, 6, 10, true, 0.2, 2},  // queries at the end of their keys, heads in groups
    {{49, 3}, {52, 5}, 2, 1, true, 0, 1, 3},      // a block of queries and more, over a cache
    {{3, 9}, {3, 9}, 2, 16, false, 0.1},          // heads of whole packs
};

/// Few buckets, so that sequences of a test reach those that are shared.
template <class T>
struct WithBuckets {
  Tens<T> table;
  Tens<T> gradient;
  Bucket<T> bias;
  explicit WithBuckets(const Attention<T>& a) : table(Tens<T>::random(6, a.c.heads, 31)), gradient(6, a.c.heads) {
    bias = {table.read(), 6, 12, !a.c.causal, gradient.view};
  }
  double operator()(Extent, Extent, Extent h, Extent, Extent behind) const {
    return table.view(ops::t5_bucket(-behind, 6, 12, bias.bidirectional), h);
  }
};

template <class T>
struct WithPositions {
  const Attention<T>& a;
  Extent reach;
  bool content, position;
  Tens<T> pos_k, pos_q, dpos_k, dpos_q;
  Apart<T> bias;
  WithPositions(const Attention<T>& given, bool c, bool p, int bucket_size, Extent short_of = 0)
      : a(given),
        reach(ops::deberta_bucket(given.s.longest_keys - 1, bucket_size, 40) - short_of),
        content(c),
        position(p) {
    const Extent rows = 2 * reach + 1;
    pos_k = Tens<T>::random(rows, a.kd, 41), dpos_k = Tens<T>(rows, a.kd);
    pos_q = Tens<T>::random(rows, a.d, 42), dpos_q = Tens<T>(rows, a.d);
    bias.reach = reach;
    bias.bucket_size = bucket_size;
    bias.max_position = 40;
    if (content) bias.pos_k = pos_k.read(), bias.dpos_k = dpos_k.view;
    if (position) bias.pos_q = pos_q.read(), bias.dpos_q = dpos_q.view;
  }
  double operator()(Extent i, Extent j, Extent h, Extent g, Extent behind) const {
    const Extent r = std::min(std::max(reach + ops::deberta_bucket(behind, bias.bucket_size, 40), 0), 2 * reach),
                 n = a.c.width;
    double sum = 0;
    for (Extent c = 0; c < n; ++c) {
      if (content) sum += double(a.q.view(i, h * n + c)) * pos_k.view(r, g * n + c);
      if (position) sum += double(a.k.view(j, g * n + c)) * pos_q.view(r, h * n + c);
    }
    return sum;
  }
};

}  // namespace

TEST_CASE("T5's bias: backward", "[gradcheck]") {
  for (const Case& c : cases) {
    Attention<double> a(c);
    WithBuckets<double> b(a);
    check_backward(a, b.bias, {{"table", b.table, b.gradient}});
    // No gradient of the table is wanted.
    b.gradient.set(0);
    b.bias.dtable = {};
    Attention<double> again(c);
    check_backward(again, b.bias, {});
    CHECK(b.gradient.host() == std::vector<double>(b.gradient.size()));
  }
}

TEST_CASE("disentangled attention: backward", "[gradcheck]") {
  for (const Case& c : cases) {
    Attention<double> a(c);
    WithPositions<double> b(a, true, true, 8);
    check_backward(a, b.bias, {{"pos_k", b.pos_k, b.dpos_k}, {"pos_q", b.pos_q, b.dpos_q}});
    if (a.n > 40) continue;
    Attention<double> content(c), position(c), frozen(c), held(c);
    WithPositions<double> only_k(content, true, false, 0), only_q(position, false, true, 6),
        neither(frozen, true, true, 4), narrow(held, true, true, 8, 1);
    check_backward(content, only_k.bias, {{"pos_k", only_k.pos_k, only_k.dpos_k}});
    check_backward(position, only_q.bias, {{"pos_q", only_q.pos_q, only_q.dpos_q}});
    neither.bias.dpos_k = neither.bias.dpos_q = {};
    check_backward(frozen, neither.bias, {});
    check_backward(held, narrow.bias, {{"pos_k", narrow.pos_k, narrow.dpos_k}, {"pos_q", narrow.pos_q, narrow.dpos_q}});
  }
}

TEMPLATE_TEST_CASE("attention with a bias is its definition", "", float, double) {
  const double tolerance = sizeof(TestType) == 4 ? 5e-6 : 1e-13;
  std::vector<Case> all(std::begin(cases), std::end(cases));
  all.push_back({{128, 3, 64}, {128, 3, 64}, 2, 16});
  all.push_back({{100, 64}, {130, 64}, 4, 32, true, 0.1, 2, 5});
  for (const Case& c : all) {
    INFO(c);
    Attention<TestType> a(c);
    const WithBuckets<TestType> b(a);
    a.forward(true, b.bias);
    // T5 adds its bias after the scale.
    const double scale = a.s.scale;
    CHECK(difference(a.out.host(), a.reference([&](Extent i, Extent j, Extent h, Extent g, Extent behind) {
            return b(i, j, h, g, behind) / scale;
          })) < tolerance);
    for (const int size : {0, 8}) {
      const WithPositions<TestType> p(a, true, true, size);
      a.s.scale = 1 / std::sqrt(3. * c.width);
      a.forward(true, p.bias);
      CHECK(difference(a.out.host(), a.reference(p)) < tolerance);
    }
  }
}
