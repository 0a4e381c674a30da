// expect: static assertion failed: peft::Delta: the members that the delta's route asks for are missing
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/model.hpp>

using namespace peft;

/// Rows before every sequence.
struct Prompt {
  static constexpr Route route = Route::input;
  static constexpr Kind fits = Kind::input;
  template <class V>
  struct Params {
    V e;
  };
  template <class V>
  struct Kept {};
  void declare(auto& fields, auto& p, const Module& m) const { fields.trained("e", p.e, 4, m.out); }
  auto rows(auto& p) const { return p.e; }
#ifndef PEFT_EXPECT_ERROR
  Extent count() const { return 4; }
#endif
};

using Tuned = Method<Delta<Prompt, At<Input>>>;

void build() { Model<Bert<float>, Tuned> model(nullptr); }
