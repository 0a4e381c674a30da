// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/testing/gradcheck_model.hpp>

#include <cstdint>
#include <functional>
#include <string>

/// What the gradients of a whole model must pass, whatever its type.
namespace gradients {

/// How large the largest gradient must be at least, for the check to mean something, and the error that a flipped sign
/// makes, which is looked for at every so many of the numbers that are checked.
struct Bounds {
  double largest = 0.1, flipped = 0.1;
  int flipped_every = 5;
};

/// The gradients agree, and are large enough.
void expect_right(const peft::testing::Gradcheck& result, const Bounds& bounds = {}, const std::string& name = "");

/// gradcheck_model on the model and its batch.
using Check = std::function<peft::testing::Gradcheck(const peft::testing::ModelCheckOptions&)>;

/// The gradients of a model of `trainable` numbers are right with these options; with `flip`, flipped ones must be
/// found out.
void expect_right(const Check& check, const peft::testing::ModelCheckOptions& options, std::int64_t trainable,
                  bool flip, const std::string& name = "", const Bounds& bounds = {});

template <class M>
void expect_right(M& model, const peft::Batch& batch, const peft::testing::ModelCheckOptions& options, bool flip,
                  const std::string& name = "", const Bounds& bounds = {}) {
  const Check check = [&](const peft::testing::ModelCheckOptions& o) {
    return peft::testing::gradcheck_model(model, batch, o);
  };
  expect_right(check, options, model.trainable(), flip, name, bounds);
}

}  // namespace gradients
