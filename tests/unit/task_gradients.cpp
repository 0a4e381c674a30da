// SPDX-License-Identifier: Apache-2.0
// Tagging and choosing inside whole models: gradients in double, the cut of groups, what is ignored.
#include <peft/delta/lora.hpp>
#include <peft/task/choose.hpp>
#include <peft/task/tag.hpp>

#include "whole.hpp"

using namespace peft;

namespace {

/// Rows before every sequence, which have no label.
struct Rows {
  static constexpr Route route = Route::input;
  static constexpr Kind fits = Kind::input;
  template <class V>
  struct Params {
    V rows;
  };
  template <class V>
  struct Kept {};
  void declare(auto& fields, auto& p, const Module& m) const { fields.trained("rows", p.rows, count(), m.out, normal(0.5)); }
  Extent count() const { return 3; }
  auto rows(auto& p) const { return p.rows; }
};

using Tagger = Model<Bert<double>, Method<Delta<LoRA<2>, At<Query, Value>>, Delta<Rows, At<Input>>>, Tag>;
using Chooser = Model<Bert<double>, Method<Delta<LoRA<2>, At<Query, Value, Pooler>>>, Choose>;

/// Sequences of these lengths; every third token and the first and last of each have no label.
Batch tagged(const std::vector<int>& lengths, int labels = 4) {
  Batch b = tiny::batch(lengths);
  b.targets.clear();
  for (int s = 0; s < b.sequences(); ++s)
    for (int i = b.offsets[s]; i < b.offsets[s + 1]; ++i) {
      const bool inside = i > b.offsets[s] && i + 1 < b.offsets[s + 1];
      b.targets.push_back(inside && i % 3 != 0 ? (i * 5 + s) % labels : -100);
    }
  return b;
}

/// Examples of `choices` sequences each.
Batch choices_of(const std::vector<int>& lengths, int choices) {
  Batch b = tiny::batch(lengths);
  b.targets.clear();
  for (int e = 0; e < b.sequences() / choices; ++e) b.targets.push_back((2 * e + 1) % choices);
  return b;
}

template <class M>
void prove(M& model, const Batch& data) {
  for (const double scale : {1., 3.}) {
    const auto result = testing::gradcheck_model(model, data, {.seed = static_cast<std::uint64_t>(scale), .workers = 2});
    INFO(result);
    CHECK(result.worst < 1e-6);
    CHECK(result.largest > 0.1);
    CHECK(result.checked == model.trainable());
  }
  CHECK(testing::gradcheck_model(model, data, {.flip = true}).worst > 0.1);
  whole::one_step(model, data);
}

}  // namespace

TEST_CASE("the gradients of a tagger are those of its loss, with rows before every sequence too", "[task]") {
  double dropout = 0;
  for (const tiny::Size& size : tiny::sizes) {
    Tagger model(tiny::bert(size, dropout), Tag{4});
    prove(model, tagged({3, 7, 1, 12, 5}));
    dropout = 0.2;
  }
}

TEST_CASE("the gradients of a chooser are those of its loss", "[task]") {
  double dropout = 0;
  for (const tiny::Size& size : tiny::sizes) {
    Chooser model(tiny::bert(size, dropout), Choose{3});
    prove(model, choices_of({3, 7, 1, 12, 5, 6, 2, 9, 4}, 3));
    dropout = 0.2;
  }
}
