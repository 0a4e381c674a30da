// SPDX-License-Identifier: Apache-2.0
#include <peft/ops/slots.hpp>
#include <peft/testing/gradcheck_op.hpp>

#include <vector>

#include "catch.hpp"

using namespace peft;
using Tens = testing::Tensor<double>;

TEST_CASE("vectors added to slots, and their gradients", "[gradcheck]") {
  auto w = testing::roomy_worker();
  const std::vector<int> slot{0, -1, 1, 2, 0, -1, -1, 1, 5}, position{0, 1, 2, 3, 0, 1, 2, 3, 4},
      example{3, 3, 3, 3, 8, 8, 8, 8, 8};
  const Extent n = static_cast<Extent>(slot.size());
  for (const Extent d : {1, 7, 64, 130})
    for (const bool drops : {false, true})
      for (const ops::SlotRows named : {ops::SlotRows{0, false, 3}, {1, false, 2}, {0, false, 1}, {0, true, 1}}) {
        Dropout drop;
        if (drops) drop = {77, 1u << 30, 4. / 3, example.data(), position.data()};
        Tens h = Tens::random(n, d, 1), e = Tens::random(named.count, d, 2), y(n, d), r = Tens::random(n, d, 3),
             de(named.count, d);
        const auto loss = [&] {
          y.set(h);
          ops::add_slots(w, y.view, e.read(), slot.data(), named, drop);
          return testing::dot(y, r);
        };
        const auto backward = [&] { ops::add_slots_backward(w, de.view, r.read(), slot.data(), named, drop); };
        CHECK(testing::gradcheck_op(loss, backward, {{"e", e, de}}).worst < 1e-6);
        // Rows that no vector is for are as they were.
        loss();
        for (Extent i = 0; i < n; ++i) {
          const int row = slot[i] < named.first ? -1 : named.shared ? 0 : slot[i] - named.first;
          if (row >= 0 && row < named.count) continue;
          for (Extent j = 0; j < d; ++j) CHECK(y.view(i, j) == h.view(i, j));
        }
      }
}
