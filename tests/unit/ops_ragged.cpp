// SPDX-License-Identifier: Apache-2.0
#include <peft/ops/bucket_bias.hpp>
#include <peft/ops/disentangled_bias.hpp>
#include <peft/ops/ragged.hpp>

#include "ops_attention.hpp"

namespace {

const Case cases[] = {
    {{1}, {1}, 1, 1},
    {{3, 5, 6}, {7, 2, 6}, 2, 6},
    {{5, 2}, {8, 2}, 6, 10, true, 0, 2},
    {{50, 9}, {70, 9}, 2, 8, true, 0, 1, 3},  // a block of queries and more, over a cache
    {{1, 60, 3}, {130, 4, 3}, 3, 16, false, 0, 0, 2},
};

template <class T>
Extent total(const Attention<T>& a) {
  Extent sum = 0;
  for (std::size_t i = 0; i < a.c.queries.size(); ++i) sum += a.c.queries[i] * a.c.keys[i];
  return sum;
}

template <class T>
std::size_t at(const Attention<T>& a, Extent sequence, Extent i, Extent j) {
  std::size_t before = 0;
  for (Extent s = 0; s < sequence; ++s) before += static_cast<std::size_t>(a.c.queries[s]) * a.c.keys[s];
  return before + static_cast<std::size_t>(i - a.q_offsets[sequence]) * a.c.keys[sequence] + j;
}

template <class T, class Bias, class More>
void check_mean(Attention<T>& a, const Bias& bias, const More& more, double tolerance) {
  INFO(a.c);
  const Extent size = total(a);
  std::vector<double> wanted(static_cast<std::size_t>(size));
  a.each(more, [&](Extent b, Extent i, Extent, Extent, const std::vector<double>& p) {
    for (std::size_t j = 0; j < p.size(); ++j) wanted[at(a, b, i, static_cast<Extent>(j))] += p[j] / a.c.heads;
  });
  Tens<T> p(1, size, T(7)), device(1, size, T(7));
  ops::attention_mean(a.w, a.s, a.q.read(), a.k.read(), bias, p.view);
  CHECK(difference(p.host(), wanted) < tolerance);
  ops::attention_mean_device<Host, T>(a.w, a.s, a.q.read(), a.k.read(), bias, device.view);
  CHECK(difference(device.host(), wanted) < tolerance);
}

}  // namespace

TEMPLATE_TEST_CASE("the mean of attention over its heads", "", float, double) {
  const double tolerance = sizeof(TestType) == 4 ? 2e-6 : 1e-13;
  for (const Case& c : cases) {
    Attention<TestType> a(c);
    const auto none = [](Extent, Extent, Extent, Extent, Extent) { return 0.; };
    check_mean(a, ops::NoBias{}, none, tolerance);
    Tens<TestType> p(1, total(a)), same(1, total(a));
    ops::attention_mean(a.w, a.s, a.q.read(), a.k.read(), p.view);
    ops::attention_mean(a.w, a.s, a.q.read(), a.k.read(), ops::NoBias{}, same.view);
    CHECK(p.host() == same.host());

    const Tens<TestType> table = Tens<TestType>::random(6, c.heads, 31);
    check_mean(
        a, ops::BucketBias<TestType, Host>{table.read(), 6, 12, !c.causal},
        [&](Extent, Extent, Extent h, Extent, Extent behind) {
          return table.view(ops::t5_bucket(-behind, 6, 12, !c.causal), h) / a.s.scale;
        },
        tolerance);
    if (c.queries[1 % c.queries.size()] > a.s.longest_keys) continue;
    const Extent reach = a.s.longest_keys - 1;
    const Tens<TestType> pos_k = Tens<TestType>::random(2 * reach + 1, a.kd, 41);
    check_mean(
        a, ops::Disentangled<TestType, Host>{pos_k.read(), {}, reach},
        [&](Extent i, Extent, Extent h, Extent g, Extent behind) {
          double sum = 0;
          for (Extent f = 0; f < c.width; ++f)
            sum += double(a.q.view(i, h * c.width + f)) * pos_k.view(behind + reach, g * c.width + f);
          return sum;
        },
        tolerance);
  }
}

TEST_CASE("products with ragged matrices", "[gradcheck]") {
  for (const Case& c : cases)
    for (const Extent columns : {1, 5, 16}) {
      INFO(c << ", " << columns << " columns");
      Attention<double> a(c);
      const Tens<double> p = Tens<double>::random(1, total(a), 3);
      Tens<double> h = Tens<double>::random(a.m, columns, 4), r = Tens<double>::random(a.n, columns, 5),
                   out(a.n, columns, 7.), dh(a.m, columns), other(a.n, columns);
      const auto loss = [&] {
        ops::ragged_product(a.w, a.s, p.read(), h.read(), out.view);
        return testing::dot(out, r);
      };
      const auto backward = [&] {
        dh.set(0);
        ops::ragged_product_backward(a.w, a.s, p.read(), r.read(), dh.view);
      };
      const auto result = testing::gradcheck_op(loss, backward, {{"h", h, dh}});
      INFO(result);
      CHECK(result.worst < 1e-6);
      std::vector<double> wanted(static_cast<std::size_t>(a.n) * columns);
      for (Extent b = 0; b < a.s.sequences; ++b)
        for (Extent i = a.q_offsets[b]; i < a.q_offsets[b + 1]; ++i)
          for (Extent j = 0; j < c.keys[b]; ++j)
            for (Extent f = 0; f < columns; ++f)
              wanted[static_cast<std::size_t>(i) * columns + f] +=
                  p.view(0, static_cast<Extent>(at(a, b, i, j))) * h.view(a.k_offsets[b] + j, f);
      loss();
      CHECK(difference(out.host(), wanted) < 1e-12);
      // Added to; and as a device does it.
      const auto once = dh.host();
      ops::ragged_product_backward(a.w, a.s, p.read(), r.read(), dh.view);
      ops::axpby<Host, double>(a.w, 0.5, dh.read(), 0, dh.view);
      CHECK(difference(dh.host(), once) < 1e-12);
      ops::ragged_product_device(a.w, a.s, p.read(), h.read(), other.view);
      CHECK(difference(other.host(), wanted) < 1e-12);
      dh.set(0);
      ops::ragged_product_backward_device(a.w, a.s, p.read(), r.read(), dh.view);
      CHECK(difference(dh.host(), once) < 1e-12);
    }
}
