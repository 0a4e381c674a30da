// SPDX-License-Identifier: Apache-2.0
#include <peft/core/rng.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/tile.hpp>

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "catch.hpp"

using namespace peft;

namespace {

template <class T>
std::vector<T> numbers(Extent n, std::uint64_t key) {
  std::vector<T> out(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(rng::normal(rng::mix(key), i));
  return out;
}

/// The largest difference between gemm and a plain sum in double, for C = beta C + alpha op(A) op(B).
template <class T>
double worst(Extent m, Extent n, Extent k, bool ta, bool tb, double alpha, double beta) {
  auto a = numbers<T>(m * k, 1), b = numbers<T>(k * n, 2), c = numbers<T>(m * n, 3);
  const auto before = c;
  const Mat<T> A(a.data(), ta ? k : m, ta ? m : k), B(b.data(), tb ? n : k, tb ? k : n), C(c.data(), m, n);
  Worker<Host> w;
  if (ta && tb) ops::gemm(w, C, t(A), t(B), alpha, beta);
  if (ta && !tb) ops::gemm(w, C, t(A), B, alpha, beta);
  if (!ta && tb) ops::gemm(w, C, A, t(B), alpha, beta);
  if (!ta && !tb) ops::gemm(w, C, A, B, alpha, beta);
  double most = 0;
  for (Extent i = 0; i < m; ++i)
    for (Extent j = 0; j < n; ++j) {
      double sum = 0;
      for (Extent l = 0; l < k; ++l) sum += double(ta ? A(l, i) : A(i, l)) * double(tb ? B(j, l) : B(l, j));
      const double want = beta * double(before[static_cast<std::size_t>(i) * n + j]) + alpha * sum;
      most = std::max(most, std::abs(double(C(i, j)) - want) / std::sqrt(double(k)));
    }
  return most;
}

}  // namespace

TEMPLATE_TEST_CASE("products of every shape and transposition, below and above the sizes of blocks", "[ops]", float,
                   double) {
  const double tolerance = std::is_same_v<TestType, float> ? 2e-5 : 1e-13;
  struct Shape {
    Extent m, n, k;
  };
  // Above 512 rows, 224 deep and 48 columns a product is cut into blocks.
  for (const Shape s : {Shape{1, 1, 1},
                        {1, 50, 70},
                        {3, 5, 7},
                        {7, 6, 33},
                        {8, 97, 225},
                        {17, 8, 384},
                        {64, 97, 225},
                        {513, 49, 31},
                        {1030, 50, 450}})
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        INFO(s.m << " x " << s.n << " x " << s.k << (ta ? " A'" : "") << (tb ? " B'" : ""));
        CHECK(worst<TestType>(s.m, s.n, s.k, ta, tb, 1, 0) < tolerance);
        CHECK(worst<TestType>(s.m, s.n, s.k, ta, tb, 0.5, 1) < tolerance);
        CHECK(worst<TestType>(s.m, s.n, s.k, ta, tb, 2, -1) < tolerance);
      }
}

TEMPLATE_TEST_CASE("small products of every number of rows and of one to three paddings' columns", "[ops]", float,
                   double) {
  using T = TestType;
  const double tolerance = std::is_same_v<T, float> ? 2e-5 : 1e-13;
  for (const Extent m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 48})
    for (const Extent packs : {1, 2, 3})
      for (const Extent k : {1, 7, 32})
        for (const bool transposed : {false, true})
          for (const bool accumulate : {false, true}) {
            const Extent n = packs * ops::padding<T>, stride = n + 3;  // C has columns beside it that must stay
            const auto a = numbers<T>(m * k, 1), b = numbers<T>(k * n, 2), before = numbers<T>(m * stride, 3);
            auto c = before;
            ops::small_product<T>(m, n, k, a.data(), transposed ? 1 : k, transposed ? m : 1, b.data(), n, c.data(),
                                  stride, accumulate);
            double most = 0;
            bool kept = true;
            for (Extent i = 0; i < m; ++i) {
              for (Extent j = 0; j < n; ++j) {
                double sum = accumulate ? double(before[static_cast<std::size_t>(i * stride + j)]) : 0;
                for (Extent l = 0; l < k; ++l)
                  sum += double(a[static_cast<std::size_t>(transposed ? l * m + i : i * k + l)]) *
                         double(b[static_cast<std::size_t>(l * n + j)]);
                most = std::max(most, std::abs(double(c[static_cast<std::size_t>(i * stride + j)]) - sum));
              }
              for (Extent j = n; j < stride; ++j)
                kept = kept &&
                       c[static_cast<std::size_t>(i * stride + j)] == before[static_cast<std::size_t>(i * stride + j)];
            }
            INFO(m << " x " << n << " x " << k);
            CHECK(most < tolerance * std::sqrt(double(k)));
            CHECK(kept);
          }
}
