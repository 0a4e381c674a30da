// SPDX-License-Identifier: Apache-2.0
#include <peft/ops/activation.hpp>
#include <peft/ops/embed.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/loss.hpp>
#include <peft/ops/norm.hpp>
#include <peft/ops/prefix.hpp>
#include <peft/ops/reduce.hpp>
#include <peft/ops/select.hpp>
#include <peft/testing/gradcheck_op.hpp>

#include <numeric>

#include "catch.hpp"

using namespace peft;
using testing::dot;
using testing::gradcheck_op;
using Tens = testing::Tensor<double>;

namespace {

struct Shape {
  Extent n, d;
};
const Shape shapes[] = {{1, 1}, {1, 7}, {5, 16}, {13, 33}};

Tens random(Extent n, Extent d, std::uint64_t key, double deviation = 1) { return Tens::random(n, d, key, deviation); }

/// Dropout of probability p over n rows, each of its own example and position.
struct Mask {
  std::vector<int> example, position;
  Dropout drop;
  Mask(Extent n, double p) : example(n), position(n) {
    for (Extent i = 0; i < n; ++i) example[i] = 3 + i / 4, position[i] = i % 4;
    if (p > 0) drop = {77, static_cast<std::uint32_t>(p * 4294967296.0), 1 / (1 - p), example.data(), position.data()};
  }
};

}  // namespace

TEST_CASE("a linear layer's products", "[gradcheck]") {
  auto w = testing::roomy_worker();
  for (const auto [n, in, out] : {std::array{1, 1, 1}, std::array{7, 5, 9}, std::array{33, 17, 16}}) {
    Tens x = random(n, in, 1), W = random(out, in, 2), b = random(1, out, 3), y(n, out), r = random(n, out, 4);
    Tens dx(n, in), dW(out, in), db(1, out);
    const auto loss = [&] {
      ops::broadcast_row(w, y.view, b.read());
      ops::gemm(w, y.view, x.read(), t(W.read()), 1, 1);
      return dot(y, r);
    };
    const auto backward = [&] {
      ops::gemm(w, dx.view, r.read(), W.read());
      ops::gemm(w, dW.view, t(r.read()), x.read(), 1, 1);
      ops::add_column_sums(w, db.view, r.read());
    };
    CHECK(gradcheck_op(loss, backward, {{"x", x, dx}, {"W", W, dW}, {"b", b, db}}).worst < 1e-6);
    const auto flipped = [&] { ops::gemm(w, dx.view, r.read(), W.read(), -1); };
    CHECK(gradcheck_op(loss, flipped, {{"x", x, dx}}).worst > 1e-3);
  }
}

TEMPLATE_TEST_CASE("activations", "[gradcheck]", ops::Gelu, ops::GeluTanh, ops::Tanh, ops::Relu) {
  auto w = testing::roomy_worker();
  for (const auto [n, d] : shapes) {
    Tens x = random(n, d, 5, 1.5), y(n, d), slope(n, d), dx(n, d), r = random(n, d, 6);
    auto values = x.host();
    for (double& v : values) v += v < 0 ? -0.01 : 0.01;  // away from the kink of ReLU
    values[0] = 0.8;
    x.set(values);
    const auto run = [&](Mat<double> s) {
      y.set(x);
      ops::activate(w, y.view, s, TestType{});
      return dot(y, r);
    };
    const auto loss = [&] { return run({}); };
    const auto backward = [&] {
      run(slope.view);
      ops::multiply(w, dx.view, r.read(), slope.read());
    };
    CHECK(gradcheck_op(loss, backward, {{"x", x, dx}}).worst < 1e-6);
    const auto forgotten = [&] { dx.set(r); };
    if (n * d > 1) CHECK(gradcheck_op(loss, forgotten, {{"x", x, dx}}).worst > 1e-3);
  }
}

TEST_CASE("LayerNorm of a sum with dropout", "[gradcheck]") {
  auto w = testing::roomy_worker();
  for (const auto [n, d] : {Shape{1, 5}, Shape{6, 16}, Shape{9, 35}})
    for (const double p : {0., 0.3})
      for (const bool residual : {false, true}) {
        const Mask mask(n, p);
        Tens x = random(n, d, 1), q = random(n, d, 2), gamma = random(1, d, 3), beta = random(1, d, 4),
             r = random(n, d, 5);
        Tens y(n, d), hat(n, d), rstd(n, 1), dx(n, d), dq(n, d), dgamma(1, d), dbeta(1, d);
        const auto run = [&](bool keep) {
          ops::add_norm(w, x.read(), residual ? q.read() : Mat<const double>(), gamma.read(), beta.read(), 1e-12,
                        mask.drop, keep ? hat.view : Mat<double>(), keep ? rstd.view : Mat<double>(), y.view);
          return dot(y, r);
        };
        const auto backward = [&] {
          run(true);
          ops::add_column_dots(w, dgamma.view, r.read(), hat.read());
          ops::add_column_sums(w, dbeta.view, r.read());
          dq.set(r);
          ops::norm_backward(w, dq.read(), hat.read(), rstd.read(), gamma.read(), dq.view);
          dx.set(dq);
          if (mask.drop.active()) ops::dropout(w, dx.view, dx.read(), mask.drop);
        };
        std::vector<testing::Checked<>> inputs{{"x", x, dx}, {"gamma", gamma, dgamma}, {"beta", beta, dbeta}};
        if (residual) inputs.push_back({"residual", q, dq});
        const auto result = gradcheck_op([&] { return run(false); }, backward, inputs);
        INFO(result);
        CHECK(result.worst < 1e-6);
        const auto without_mean = [&] { ops::multiply(w, dx.view, r.read(), r.read()); };
        CHECK(gradcheck_op([&] { return run(false); }, without_mean, {{"x", x, dx}}).worst > 1e-3);
      }
}

TEST_CASE("dropout is its own backward", "[gradcheck]") {
  auto w = testing::roomy_worker();
  for (const auto [n, d] : shapes) {
    const Mask mask(n, 0.4);
    Tens x = random(n, d, 1), y(n, d), dx(n, d), r = random(n, d, 2);
    const auto loss = [&] {
      ops::dropout(w, y.view, x.read(), mask.drop);
      return dot(y, r);
    };
    const auto backward = [&] { ops::dropout(w, dx.view, r.read(), mask.drop); };
    if (n * d > 1) CHECK(gradcheck_op(loss, backward, {{"x", x, dx}}).worst < 1e-6);
  }
  // About p of all elements are dropped, the rest are scaled: the mean stays.
  const Mask mask(400, 0.25);
  Tens x(400, 100, 1.), y(400, 100);
  ops::dropout(w, y.view, x.read(), mask.drop);
  double sum = 0, zeros = 0;
  for (const double v : y.host()) sum += v, zeros += v == 0;
  CHECK(std::abs(zeros / 40000 - 0.25) < 0.01);
  CHECK(std::abs(sum / 40000 - 1) < 0.02);
}

TEST_CASE("columns scaled by a vector", "[gradcheck]") {
  auto w = testing::roomy_worker();
  for (const auto [n, d] : shapes) {
    Tens x = random(n, d, 1), g = random(1, d, 2), y(n, d), dx(n, d), dg(1, d), r = random(n, d, 3);
    const auto loss = [&] {
      ops::scale_columns(w, y.view, x.read(), g.read());
      return dot(y, r);
    };
    const auto backward = [&] {
      ops::add_column_dots(w, dg.view, x.read(), r.read());
      ops::scale_columns(w, dx.view, r.read(), g.read());
    };
    CHECK(gradcheck_op(loss, backward, {{"x", x, dx}, {"g", g, dg}}).worst < 1e-6);
  }
}

TEST_CASE("embeddings, virtual rows included", "[gradcheck]") {
  auto w = testing::roomy_worker();
  for (const Extent d : {1, 6, 70}) {
    const std::vector<int> ids{-1, -2, 3, 0, 3, -1, -2, 1}, positions{0, 1, 2, 3, 4, 0, 1, 2},
        types{0, 0, 0, 1, 1, 0, 0, 0};
    Tens word = random(4, d, 1), position = random(5, d, 2), type = random(2, d, 3), rows = random(2, d, 4);
    Tens dword(4, d), dposition(5, d), dtype(2, d), drows(2, d), y(8, d), r = random(8, d, 5);
    const auto loss = [&] {
      ops::embed(w, y.view, ids.data(), positions.data(), types.data(), word.read(), position.read(), type.read(),
                 rows.read());
      return dot(y, r);
    };
    const auto backward = [&] {
      ops::embed_backward(w, r.read(), ids.data(), dword.view);
      ops::embed_backward(w, r.read(), ids.data(), drows.view, true);
      ops::embed_backward(w, r.read(), positions.data(), dposition.view);
      ops::embed_backward(w, r.read(), types.data(), dtype.view);
    };
    CHECK(gradcheck_op(
              loss, backward,
              {{"word", word, dword}, {"position", position, dposition}, {"type", type, dtype}, {"rows", rows, drows}})
              .worst < 1e-6);
  }
}

TEST_CASE("losses", "[gradcheck]") {
  auto w = testing::roomy_worker();
  for (const auto [n, labels] : {Shape{1, 2}, Shape{5, 3}, Shape{4, 7}}) {
    Tens logits = random(n, labels, 1, 2), target(n, 1), losses(n, 1), gradient(n, labels), scratch(n, labels);
    std::vector<double> classes(n);
    for (Extent i = 0; i < n; ++i) classes[i] = i % labels;
    target.set(classes);
    const auto run = [&](Tens& g) {
      ops::cross_entropy(w, logits.read(), target.read(), 0.7, losses.view, g.view);
      return ops::sum(w, losses.read());
    };
    CHECK(gradcheck_op([&] { return run(scratch); }, [&] { run(gradient); }, {{"logits", logits, gradient}}).worst <
          1e-6);

    Tens score = random(n, 1, 2), wanted = random(n, 1, 3), dscore(n, 1), other(n, 1);
    const auto error = [&](Tens& g) {
      ops::squared_error(w, score.read(), wanted.read(), 0.7, losses.view, g.view);
      return ops::sum(w, losses.read());
    };
    CHECK(gradcheck_op([&] { return error(other); }, [&] { error(dscore); }, {{"score", score, dscore}}).worst < 1e-6);
  }
  // Logits that would overflow without the shift.
  Tens logits(1, 2), target(1, 1), loss(1, 1), gradient(1, 2);
  logits.set(std::vector<double>{1e4, -1e4});
  ops::cross_entropy(w, logits.read(), target.read(), 1, loss.view, gradient.view);
  CHECK(ops::sum(w, loss.read()) == 0);
}

TEST_CASE("rows gathered, averaged, and put behind a prefix", "[gradcheck]") {
  auto w = testing::roomy_worker();
  for (const Extent d : {1, 5, 18}) {
    const std::vector<int> offsets{0, 1, 5, 8}, segment{0, 1, 1, 1, 1, 2, 2, 2}, first{0, 1, 5};
    Tens x = random(8, d, 1), mean(3, d), picked(3, d), dx(8, d), part(8, d), r = random(3, d, 2);
    const auto loss = [&] {
      ops::segment_mean(w, mean.view, x.read(), offsets.data());
      ops::gather_rows(w, picked.view, x.read(), first.data());
      return dot(mean, r) + 2 * dot(picked, r);
    };
    const auto backward = [&] {
      ops::segment_mean_backward(w, dx.view, r.read(), offsets.data());
      ops::add_to_rows(w, dx.view, r.read(), first.data());
      ops::add_to_rows(w, dx.view, r.read(), first.data());
    };
    CHECK(gradcheck_op(loss, backward, {{"x", x, dx}}).worst < 1e-6);

    const Extent p = 2;
    const std::vector<int> keys{0, 3, 9, 14}, examples{3, 4, 4};
    Tens prefix = random(p, d, 3), y(8 + 3 * p, d), dprefix(p, d), dtokens(8, d), q = random(8 + 3 * p, d, 4);
    for (const double probability : {0., 0.4}) {
      Mask mask(8, probability);
      mask.drop.example = examples.data();  // one per sequence
      const auto long_loss = [&] {
        ops::spread_after_prefix(w, y.view, x.read(), segment.data(), p);
        ops::put_prefix(w, y.view, prefix.read(), keys.data(), 3, mask.drop);
        return dot(y, q);
      };
      const auto long_backward = [&] {
        ops::collect_after_prefix(w, dtokens.view, q.read(), segment.data(), p);
        dprefix.set(0);
        ops::take_prefix(w, dprefix.view, q.read(), keys.data(), 3, mask.drop);
      };
      CHECK(gradcheck_op(long_loss, long_backward, {{"x", x, dtokens}, {"prefix", prefix, dprefix}}).worst < 1e-6);
    }
  }
}
