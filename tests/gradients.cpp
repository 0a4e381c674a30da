// SPDX-License-Identifier: Apache-2.0
#include "gradients.hpp"

#include <ostream>

#include "catch.hpp"

namespace gradients {

void expect_right(const Check& check, const peft::testing::ModelCheckOptions& options, std::int64_t trainable, bool flip, const std::string& name) {
  const auto result = check(options);
  INFO(name << result);
  CHECK(result.worst < 1e-6);
  CHECK(result.largest > 0.1);
  if (options.every == 1)
    CHECK(result.checked == trainable);
  else
    CHECK(result.checked >= trainable / options.every);
  if (!flip) return;
  auto flipped = options;
  flipped.every *= 5;
  flipped.flip = true;
  CHECK(check(flipped).worst > 0.1);
}

}  // namespace gradients
