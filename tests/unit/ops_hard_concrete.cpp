// SPDX-License-Identifier: Apache-2.0
#include <peft/ops/hard_concrete.hpp>
#include <peft/testing/gradcheck_op.hpp>

#include <cmath>

#include "catch.hpp"

using namespace peft;
using Tens = testing::Tensor<double>;

namespace {

Tens shifted(Extent r, Extent c, std::uint64_t key, double by) {
  Tens t = Tens::random(r, c, key, 0.7);
  auto values = t.host();
  for (double& v : values) v += by;
  t.set(values);
  return t;
}

}  // namespace

TEST_CASE("gated sums and their gradients, longer than a span", "[gradcheck]") {
  auto w = testing::roomy_worker();
  for (const bool sampled : {false, true})
    for (const bool grouped : {false, true}) {
      const ops::HardConcrete gate{-1.5, 1.5, sampled ? ops::HardConcrete::sampled : 0.5, 5};
      ops::HardConcrete group_gate = gate;
      for (double slope = 0; slope == 0; ++group_gate.key)
        group_gate(0.6, group_gate.noise<double>(group_gate.span_key(0), 0), slope);
      --group_gate.key;
      const Extent n = 45, d = 100;
      Tens theta0 = Tens::random(n, d, 1), diff = Tens::random(n, d, 2), alpha = shifted(n, d, 3, 0.7), theta(n, d),
           r = Tens::random(n, d, 4);
      Tens group(1, 1, 0.6), ddiff(n, d), dalpha(n, d), dgroup(1, 1);
      const auto g = [&] { return grouped ? group.read() : Mat<const double>(); };
      const auto loss = [&] {
        ops::gated_sum(w, theta.view, theta0.read(), diff.read(), alpha.read(), g(), gate, group_gate);
        return testing::dot(theta, r);
      };
      const auto backward = [&] {
        ops::gated_sum_backward(w, r.read(), diff.read(), alpha.read(), g(), gate, group_gate, ddiff.view, dalpha.view,
                                dgroup.view);
      };
      std::vector<testing::Checked<Host>> inputs{{"diff", diff, ddiff}, {"alpha", alpha, dalpha}};
      if (grouped) inputs.push_back({"group", group, dgroup});
      const auto result = testing::gradcheck_op(loss, backward, inputs);
      INFO(result);
      CHECK(result.worst < 1e-6);
      CHECK((std::abs(dgroup.host()[0]) > 0.01) == grouped);
    }
}

TEST_CASE("the expected number of open gates and its gradient", "[gradcheck]") {
  auto w = testing::roomy_worker();
  for (const bool joint : {false, true}) {
    const Extent n = 45, d = 100;
    Tens alpha = shifted(n, d, 3, 0.3), group(1, 1, 0.6), dalpha(n, d), dgroup(1, 1);
    const auto loss = [&] { return 0.2 * ops::expected_open(w, alpha.read(), group.read(), 0.1, joint); };
    const auto backward = [&] {
      ops::expected_open_backward(w, alpha.read(), group.read(), 0.1, joint, 0.2, dalpha.view, dgroup.view);
    };
    CHECK(testing::gradcheck_op(loss, backward, {{"alpha", alpha, dalpha}, {"group", group, dgroup}}).worst < 1e-6);
  }
}

TEST_CASE("hard concrete gates: open, shut, and how often") {
  const ops::HardConcrete gate{-1.5, 1.5};
  double slope;
  CHECK(gate(5., 0.5, slope) == 1);
  CHECK(slope == 0);
  CHECK(gate(-1., 0.5, slope) == 0);
  CHECK(gate(0.5, 0.5, slope) == Approx(3 / (1 + std::exp(-0.5)) - 1.5));
  // Far out every sample is flat, in float too.
  for (const float u : {1e-4f, 0.5f, 0.9999f}) {
    float flat;
    CHECK(gate(20.f, u, flat) == 1);
    CHECK(flat == 0);
    CHECK(gate(-20.f, u, flat) == 0);
    CHECK(flat == 0);
  }
  // P(z > 0) = sigmoid(alpha - log(-l/r)).
  const ops::HardConcrete uneven{-0.5, 1.5, ops::HardConcrete::sampled, 9};
  int open = 0;
  const int n = 200000;
  for (int i = 0; i < n; ++i)
    open +=
        uneven(0.4, uneven.noise<double>(uneven.span_key(i / 4096), static_cast<std::uint32_t>(i % 4096)), slope) > 0;
  CHECK(open / double(n) == Approx(1 / (1 + std::exp(std::log(0.5 / 1.5) - 0.4))).margin(0.005));
}
