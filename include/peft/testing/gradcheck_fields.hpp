// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <peft/core/fields.hpp>
#include <peft/testing/gradient.hpp>
#include <peft/train/groups.hpp>

namespace peft::testing {

struct ModelCheckOptions {
  bool training = true;     // the backbone's and the deltas' dropout is active; its masks depend on `seed` alone
  std::uint64_t seed = 1;
  int workers = 1;
  Grouping grouping{24, 2};
  double deviation =
      0.3;   // added to every trained number first, so that no gradient vanishes; 0 leaves them as they are
  double step = 1e-5;
  int every = 1;            // of each tensor the first of so many numbers is changed; 1: all are
  bool flip = false;        // negate the gradient of backward: a check that cannot fail is none
};

/// Whether `gradient()` is the derivative of `loss()` with respect to everything that `layout` trains, at `values` (of
/// the whole layout), which are changed meanwhile; the trained ones are as before when it returns.
Gradcheck gradcheck_fields(const Layout& layout, std::span<double> values, const std::function<double()>& loss,
                           const std::function<std::vector<double>()>& gradient, const ModelCheckOptions& options);

}  // namespace peft::testing

#ifndef PEFT_SEPARATE
#include <peft/testing/gradcheck_fields.ipp>
#endif
