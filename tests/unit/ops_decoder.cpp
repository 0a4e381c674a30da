// SPDX-License-Identifier: Apache-2.0
#include <peft/ops/activation.hpp>
#include <peft/ops/embed.hpp>
#include <peft/ops/reduce.hpp>
#include <peft/ops/rms_norm.hpp>
#include <peft/ops/rotary.hpp>
#include <peft/testing/gradcheck_op.hpp>

#include <array>
#include <cmath>

#include "catch.hpp"

using namespace peft;
using testing::dot;
using testing::gradcheck_op;
using Tens = testing::Tensor<double>;

namespace {

Tens random(Extent n, Extent d, std::uint64_t key, double deviation = 1) { return Tens::random(n, d, key, deviation); }

/// Frequencies as a model has them: 10000^(-c / half).
template <class T>
testing::Tensor<T> frequencies(Extent half) {
  std::vector<T> values(static_cast<std::size_t>(half));
  for (Extent c = 0; c < half; ++c)
    values[static_cast<std::size_t>(c)] = static_cast<T>(std::pow(10000., -double(c) / half));
  testing::Tensor<T> t(1, half);
  t.set(values);
  return t;
}

}  // namespace

TEST_CASE("RMSNorm of a sum with dropout", "[gradcheck]") {
  auto w = testing::roomy_worker();
  for (const auto [n, d] : {std::array{1, 5}, std::array{6, 16}, std::array{9, 35}})
    for (const double p : {0., 0.3})
      for (const bool residual : {false, true}) {
        std::vector<int> example(n, 4), position(n);
        for (Extent i = 0; i < n; ++i) position[i] = i;
        Dropout drop;
        if (p > 0)
          drop = {77, static_cast<std::uint32_t>(p * 4294967296.0), 1 / (1 - p), example.data(), position.data()};
        Tens x = random(n, d, 1), q = random(n, d, 2), gamma = random(1, d, 3), r = random(n, d, 5);
        Tens y(n, d), hat(n, d), rstd(n, 1), dx(n, d), dq(n, d), dgamma(1, d);
        const auto run = [&](bool keep) {
          ops::rms_norm(w, x.read(), residual ? q.read() : Mat<const double>(), gamma.read(), 1e-6, drop,
                        keep ? hat.view : Mat<double>(), keep ? rstd.view : Mat<double>(), y.view);
          return dot(y, r);
        };
        const auto backward = [&] {
          run(true);
          ops::add_column_dots(w, dgamma.view, r.read(), hat.read());
          dq.set(r);
          ops::rms_norm_backward(w, dq.read(), hat.read(), rstd.read(), gamma.read(), dq.view);
          dx.set(dq);
          if (drop.active()) ops::dropout(w, dx.view, dx.read(), drop);
        };
        std::vector<testing::Checked<>> inputs{{"x", x, dx}, {"gamma", gamma, dgamma}};
        if (residual) inputs.push_back({"residual", q, dq});
        const auto result = gradcheck_op([&] { return run(false); }, backward, inputs);
        INFO(result);
        CHECK(result.worst < 1e-6);
        const auto as_if_scaled = [&] { ops::multiply(w, dx.view, r.read(), r.read()); };
        CHECK(gradcheck_op([&] { return run(false); }, as_if_scaled, {{"x", x, dx}}).worst > 1e-3);

        // The definition; in place without anything kept.
        run(true);
        for (Extent i = 0; i < n; ++i) {
          std::vector<double> z(d);
          double squares = 0;
          for (Extent j = 0; j < d; ++j) {
            z[j] = drop.active() ? drop.keeps(drop.row(i), static_cast<std::uint32_t>(j)) * drop.scale * x.view(i, j)
                                 : x.view(i, j);
            if (residual) z[j] += q.view(i, j);
            squares += z[j] * z[j];
          }
          for (Extent j = 0; j < d; ++j)
            CHECK(std::abs(y.view(i, j) - z[j] / std::sqrt(squares / d + 1e-6) * gamma.view(0, j)) < 1e-12);
        }
        const auto apart = y.host();
        ops::rms_norm(w, x.read(), residual ? q.read() : Mat<const double>(), gamma.read(), 1e-6, drop, Mat<double>(),
                      Mat<double>(), x.view);
        CHECK(x.host() == apart);
      }
}

TEST_CASE("rotary positions", "[gradcheck]") {
  auto w = testing::roomy_worker();
  const std::vector<int> positions{0, 1, 5, 2, 77};
  for (const auto [heads, width] : {std::array{1, 2}, std::array{3, 6}, std::array{2, 10}, std::array{1, 132}})
    for (const double scale : {1., 1.3}) {
      const Tens f = frequencies<double>(width / 2);
      Tens x = random(5, heads * width, 1), y(5, heads * width), dx(5, heads * width), r = random(5, heads * width, 2);
      const auto loss = [&] {
        y.set(x);
        ops::rotate(w, y.view, positions.data(), f.read(), scale, false);
        return dot(y, r);
      };
      const auto turned = [&](bool inverse) {
        dx.set(r);
        ops::rotate(w, dx.view, positions.data(), f.read(), scale, inverse);
      };
      const auto result = gradcheck_op(loss, [&] { turned(true); }, {{"x", x, dx}});
      INFO(result);
      CHECK(result.worst < 1e-6);
      CHECK(gradcheck_op(loss, [&] { turned(false); }, {{"x", x, dx}}).worst > 1e-2);
      // Back again, but for the scale.
      loss();
      ops::rotate(w, y.view, positions.data(), f.read(), 1 / scale, true);
      for (Extent i = 0; i < 5; ++i)
        for (Extent j = 0; j < heads * width; ++j) CHECK(std::abs(y.view(i, j) - x.view(i, j)) < 1e-13);
    }
}

TEST_CASE("rotary positions are those of transformers") {
  // transformers 4.57: LlamaRotaryEmbedding and apply_rotary_pos_emb in float, two heads of 8, of 1.5 sin(1.3 i + 1).
  const std::vector<int> positions{0, 1, 77, 8000, 8191};
  const std::vector<float> wanted{
      1.2622064,  1.1185578,  -0.6637807, -1.4736789, -0.1246341, 1.4069999,  0.8773758,  -0.9376060, -1.3789928,
      0.1998481,  1.4859110,  0.5951108,  -1.1675282, -1.2197356, 0.5149724,  1.4952447,  -1.0531684, -1.3322297,
      -0.9887632, 0.8067229,  1.0149006,  -0.1723571, -1.4651194, -0.7392052, 0.9442539,  1.1740997,  -0.3713259,
      -1.4987330, 0.6525140,  1.3870697,  1.1140121,  -0.6664742, 0.9838346,  1.3432465,  0.8703910,  0.7593822,
      -1.4436483, -0.3332681, 1.1242042,  1.5490973,  -1.5128163, -0.4595118, 0.0600658,  0.5918005,  0.5472908,
      -1.1110325, -1.8129836, -0.9596940, 0.7902413,  -1.5904769, 1.3024698,  0.5693865,  0.7568636,  0.8070047,
      -0.1045885, -1.3873999, 0.5663015,  1.5144830,  -0.2607234, -1.5554303, -1.5399323, 0.2661693,  -1.2424567,
      0.9000437,  0.5683069,  0.1687218,  -1.0771563, 1.0826960,  -1.6285064, -1.0980848, -1.4510292, 0.5939196,
      -1.0985521, -1.5905464, -0.0498788, 0.4832588,  0.2524479,  0.5987589,  1.4604712,  -1.2547513};
  auto w = testing::roomy_worker();
  testing::Tensor<float> x(5, 16);
  std::vector<float> values(80);
  for (std::size_t i = 0; i < 80; ++i) values[i] = static_cast<float>(1.5 * std::sin(1.3 * static_cast<double>(i) + 1));
  x.set(values);
  const auto f = frequencies<float>(4);
  ops::rotate(w, x.view, positions.data(), f.read(), 1, false);
  const auto y = x.host();
  for (std::size_t i = 0; i < 80; ++i) CHECK(std::abs(y[i] - wanted[i]) < 1e-6f);
}

TEST_CASE("sine and cosine of large angles") {
  double worst = 0;
  for (int i = -40000; i < 400000; ++i) {
    const float angle = 0.0213f * static_cast<float>(i);
    float s, c;
    ops::sine_cosine(angle, s, c);
    worst = std::max({worst, std::abs(s - std::sin(double(angle))), std::abs(c - std::cos(double(angle)))});
  }
  CHECK(worst < 1.2e-7);
}

TEST_CASE("SiLU", "[gradcheck]") {
  auto w = testing::roomy_worker();
  for (const auto [n, d] : {std::array{1, 7}, std::array{5, 16}, std::array{13, 33}}) {
    Tens x = random(n, d, 5, 2), y(n, d), slope(n, d), dx(n, d), r = random(n, d, 6);
    const auto run = [&](Mat<double> s) {
      y.set(x);
      ops::activate(w, y.view, s, ops::Silu{});
      return dot(y, r);
    };
    const auto backward = [&] {
      run(slope.view);
      ops::multiply(w, dx.view, r.read(), slope.read());
    };
    CHECK(gradcheck_op([&] { return run({}); }, backward, {{"x", x, dx}}).worst < 1e-6);
    CHECK(gradcheck_op([&] { return run({}); }, [&] { dx.set(r); }, {{"x", x, dx}}).worst > 1e-3);
    run({});
    for (Extent i = 0; i < n; ++i)
      for (Extent j = 0; j < d; ++j)
        CHECK(std::abs(y.view(i, j) - x.view(i, j) / (1 + std::exp(-x.view(i, j)))) < 1e-14);
  }
  // In float, far out as well.
  for (const float x : {-200.f, -87.f, -20.f, -3.f, 0.f, 1e-4f, 0.7f, 30.f, 200.f}) {
    float y, dy;
    ops::Silu{}(x, y, dy);
    const double sigmoid = 1 / (1 + std::exp(-double(x)));
    CHECK(std::abs(y - x * sigmoid) <= 4e-7 * std::max(1., std::abs(x * sigmoid)));
    CHECK(std::abs(dy - (sigmoid + x * sigmoid * (1 - sigmoid))) < 4e-7);
  }
}

TEST_CASE("embeddings without positions or types") {
  auto w = testing::roomy_worker();
  const std::vector<int> ids{3, -1, 0, 3, 1}, positions{0, 1, 2, 0, 1}, types{0, 0, 1, 1, 0};
  for (const Extent d : {1, 6, 70}) {
    Tens word = random(4, d, 1), position = random(3, d, 2), type = random(2, d, 3), rows = random(1, d, 4), y(5, d);
    for (const bool placed : {false, true})
      for (const bool typed : {false, true}) {
        ops::embed(w, y.view, ids.data(), placed ? positions.data() : nullptr, typed ? types.data() : nullptr,
                   word.read(), placed ? position.read() : Mat<const double>(),
                   typed ? type.read() : Mat<const double>(), rows.read());
        for (Extent i = 0; i < 5; ++i)
          for (Extent j = 0; j < d; ++j) {
            double wanted = ids[i] < 0 ? rows.view(0, j) : word.view(ids[i], j);
            if (placed) wanted += position.view(positions[i], j);
            if (typed) wanted += type.view(types[i], j);
            CHECK(y.view(i, j) == wanted);
          }
      }
  }
}
