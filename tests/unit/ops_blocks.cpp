// SPDX-License-Identifier: Apache-2.0
#include <peft/ops/blocks.hpp>
#include <peft/ops/reduce.hpp>
#include <peft/testing/gradcheck_op.hpp>

#include <array>

#include "catch.hpp"

using namespace peft;
using Tens = testing::Tensor<double>;

TEST_CASE("a matrix and its blocks") {
  auto w = testing::roomy_worker();
  for (const auto [n, s, t] : {std::array{1, 3, 4}, std::array{2, 1, 5}, std::array{3, 4, 2}}) {
    Tens y = Tens::random(n * s, n * t, 1), k(n * n, s * t), again(n * s, n * t);
    ops::to_blocks(w, k.view, y.read(), n);
    for (Extent p = 0; p < n; ++p)
      for (Extent q = 0; q < n; ++q)
        for (Extent i = 0; i < s; ++i)
          for (Extent j = 0; j < t; ++j) CHECK(k.view(p * n + q, i * t + j) == y.view(q * s + i, p * t + j));
    ops::from_blocks(w, again.view, k.read(), n);
    for (std::size_t i = 0; i < again.size(); ++i) CHECK(again.view.data()[i] == y.view.data()[i]);
  }
}

TEST_CASE("rows scaled one by one, rows added and summed with a factor") {
  auto w = testing::roomy_worker();
  Tens x = Tens::random(5, 3, 1), g = Tens::random(1, 5, 2), y(5, 3), b = Tens::random(1, 3, 3), sums(1, 3);
  ops::scale_rows(w, y.view, x.read(), g.read());
  for (Extent i = 0; i < 5; ++i)
    for (Extent j = 0; j < 3; ++j) CHECK(y.view(i, j) == g.view(0, i) * x.view(i, j));
  ops::add_row(w, y.view, b.read(), 4);
  CHECK(y.view(2, 1) == Approx(g.view(0, 2) * x.view(2, 1) + 4 * b.view(0, 1)));
  ops::add_column_sums(w, sums.view, x.read(), -0.5);
  CHECK(sums.view(0, 2) == Approx(-0.5 * (x.view(0, 2) + x.view(1, 2) + x.view(2, 2) + x.view(3, 2) + x.view(4, 2))));
}
