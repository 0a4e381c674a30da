// SPDX-License-Identifier: Apache-2.0
#include <peft/ops/activation.hpp>
#include <peft/ops/norm.hpp>
#include <peft/ops/optimizer.hpp>
#include <peft/testing/gradcheck_op.hpp>

#include <cmath>

#include "catch.hpp"

using namespace peft;

namespace {

/// |x - wanted| in units of the last place of `wanted` as a float.
double ulps(float x, double wanted) {
  const float near = static_cast<float>(wanted);
  return std::abs(double(x) - wanted) / (std::nextafter(std::abs(near), INFINITY) - std::abs(near));
}

}  // namespace

TEST_CASE("the fast exponential in float") {
  double worst = 0;
  for (double x = -86.9; x < 88; x += 0.00731)
    worst = std::max(worst, ulps(ops::fast_exp(static_cast<float>(x)), std::exp(double(static_cast<float>(x)))));
  CHECK(worst < 2);
  CHECK(ops::fast_exp(0.f) == 1.f);
  CHECK(ops::fast_exp(-1e30f) < 1e-37f);
  CHECK(std::isfinite(ops::fast_exp(1e30f)));
}

TEST_CASE("GELU in float") {
  double exact = 0, tanh = 0, slope = 0, tanh_slope = 0;
  for (double step = -12; step < 12; step += 0.00113) {
    const float xf = static_cast<float>(step);
    const double x = xf;
    float y, d;
    double yr, dr;
    ops::Gelu{}(xf, y, d);
    ops::Gelu{}(x, yr, dr);
    CHECK(std::abs(yr - 0.5 * x * std::erfc(-x / std::sqrt(2.))) < 1e-14);
    exact = std::max(exact, std::abs(y - yr) / std::max(1., std::abs(x)));
    slope = std::max(slope, std::abs(d - dr));
    ops::GeluTanh{}(xf, y, d);
    ops::GeluTanh{}(x, yr, dr);
    tanh = std::max(tanh, std::abs(y - yr) / std::max(1., std::abs(x)));
    tanh_slope = std::max(tanh_slope, std::abs(d - dr));
  }
  CHECK(exact < 3e-7);
  CHECK(slope < 1e-6);
  CHECK(tanh < 3e-7);
  CHECK(tanh_slope < 2e-6);
}

TEST_CASE("LayerNorm in float") {
  auto w = testing::roomy_worker();
  for (const Extent d : {7, 384}) {
    auto x = testing::Tensor<float>::random(5, d, 1, 3), gamma = testing::Tensor<float>::random(1, d, 2),
         beta = testing::Tensor<float>::random(1, d, 3);
    testing::Tensor<float> y(5, d);
    using None = Mat<float>;
    ops::add_norm(w, x.read(), Mat<const float>(), gamma.read(), beta.read(), 1e-12, {}, None(), None(), y.view);
    double worst = 0;
    for (Extent i = 0; i < 5; ++i) {
      double mean = 0, variance = 0;
      for (Extent j = 0; j < d; ++j) mean += double(x.view(i, j)) / d;
      for (Extent j = 0; j < d; ++j) variance += std::pow(x.view(i, j) - mean, 2) / d;
      for (Extent j = 0; j < d; ++j)
        worst = std::max(worst,
                         std::abs(y.view(i, j) -
                                  ((x.view(i, j) - mean) / std::sqrt(variance) * gamma.view(0, j) + beta.view(0, j))));
    }
    CHECK(worst < 3e-6);
  }
}

TEST_CASE("soft threshold") {
  auto w = testing::roomy_worker();
  testing::Tensor<double> g(1, 6);
  g.set(std::vector<double>{0.5, -0.5, 0.1, -0.1, 0.25, 0});
  ops::soft_threshold(w, g.view, 0.25);
  CHECK(g.host() == std::vector<double>{0.25, -0.25, 0, 0, 0, 0});
}
