// SPDX-License-Identifier: Apache-2.0
// The kernels of side nets alone: recurrent cells with and without a state before, and the blend.
#include <peft/ops/blend.hpp>
#include <peft/testing/gradcheck_op.hpp>

#include "catch.hpp"

using namespace peft;
using Tens = testing::Tensor<double, Host>;

namespace {

void good(const testing::Gradcheck& result) {
  INFO(result);
  CHECK(result.worst < 1e-6);
  CHECK(result.largest > 0.1);
}

}  // namespace

TEST_CASE("gradients of a step of an LSTM and of a GRU") {
  auto w = testing::roomy_worker<Host>();
  const Extent n = 3, k = 5;
  Tens a = Tens::random(n, 4 * k, 1), u = Tens::random(n, 3 * k, 2), before = Tens::random(n, k, 3), h(n, k),
       state(n, k), work(n, 4 * k), da(n, 4 * k), du(n, 3 * k), ds(n, k), dh(n, k), small = Tens::random(n, 3 * k, 4),
       sums(n, 3 * k);
  const Tens weigh = Tens::random(n, k, 5), weigh_state = Tens::random(n, k, 6);
  for (const bool first : {true, false}) {
    const auto past = first ? decltype(before.read()){} : before.read();
    const auto lstm = [&] {
      work.set(a.host());
      ops::lstm(w, work.view, past, state.view, h.view);
      return dot(h, weigh) + dot(state, weigh_state);
    };
    good(testing::gradcheck_op(
        lstm,
        [&] {
          lstm();
          ds.set(weigh_state.host());
          ops::lstm_backward(w, work.view, past, state.read(), weigh.read(), ds.view);
          da.set(work.host());
        },
        first ? std::vector<testing::Checked<>>{{"a", a, da}}
              : std::vector<testing::Checked<>>{{"a", a, da}, {"before", before, ds}}));
    const auto gru = [&] {
      sums.set(small.host());
      ops::gru(w, sums.view, u.read(), past, h.view);
      return dot(h, weigh);
    };
    Tens turned(n, 3 * k), kept(n, 3 * k);
    good(testing::gradcheck_op(
        gru,
        [&] {
          gru();
          kept.set(u.host());
          dh.set(weigh.host());
          ops::gru_backward(w, sums.view, kept.view, past, dh.view);
          turned.set(sums.host());
          du.set(kept.host());
        },
        first ? std::vector<testing::Checked<>>{{"a", small, turned}, {"u", u, du}}
              : std::vector<testing::Checked<>>{{"a", small, turned}, {"u", u, du}, {"before", before, dh}}));
  }
}

TEST_CASE("gradients of a blend") {
  auto w = testing::roomy_worker<Host>();
  Tens a = Tens::random(1, 1, 1), x = Tens::random(4, 7, 2), z = Tens::random(4, 7, 3), y(4, 7), difference(4, 7),
       da(1, 1), dx(4, 7), dz(4, 7);
  const Tens weigh = Tens::random(4, 7, 4);
  for (const double temperature : {1., 0.5}) {
    const auto loss = [&] {
      ops::blend(w, a.read(), temperature, x.read(), z.read(), y.view, difference.view);
      return dot(y, weigh);
    };
    good(testing::gradcheck_op(loss,
                               [&] {
                                 da.set(0.);
                                 ops::blend_backward(w, a.read(), temperature, difference.read(), weigh.read(), dx.view,
                                                     dz.view, da.view);
                               },
                               {{"a", a, da}, {"x", x, dx}, {"z", z, dz}}));
  }
}
