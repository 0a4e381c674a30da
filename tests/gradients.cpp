// SPDX-License-Identifier: Apache-2.0
#include "gradients.hpp"

#include <algorithm>
#include <ostream>

#include "catch.hpp"
#include "space.hpp"

namespace gradients {

void expect_right(const peft::testing::Gradcheck& result, const Bounds& bounds, const std::string& name) {
  INFO(name << result);
  CHECK(result.worst < 1e-6);
  CHECK(result.largest > bounds.largest * part_of_space);
}

void expect_right(const Check& check, const peft::testing::ModelCheckOptions& asked, std::int64_t trainable, bool flip,
                  const std::string& name, const Bounds& bounds) {
  auto options = asked;
  options.every = std::max(options.every, every_of_space);
  const auto result = check(options);
  expect_right(result, bounds, name);
  INFO(name << result);
  if (options.every == 1)
    CHECK(result.checked == trainable);
  else
    CHECK(result.checked >= trainable / options.every);
  if (!flip) return;
  auto flipped = options;
  flipped.every *= bounds.flipped_every;
  flipped.flip = true;
  CHECK(check(flipped).worst > bounds.flipped * part_of_space);
}

}  // namespace gradients
