// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/ia3.hpp>

#include "model_tiny.hpp"
#include "whole.hpp"

using namespace peft;

TEST_CASE("(IA)^3: gradients, alone", "[gradcheck]") {
  whole::check_alone<Rescale<Route::post>>();
  whole::check_alone<Rescale<Route::pre>>({}, {.shapes = {{7, 5, 5}, {1, 9, 9}, {18, 16, 16}}});
}

TEST_CASE("(IA)^3: gradients, a step, trainable parameters in closed form", "[gradcheck]") {
  whole::check(IA3{});
  const int d = 16, inner = 9, layers = 3;
  Model<Bert<double>, IA3> model(tiny::bert(tiny::sizes[1]), {}, {3});
  CHECK(model.trainable() == layers * (2 * d + inner) + 3 * (d + 1));
}

TEST_CASE("(IA)^3 begins as the backbone, and is merged into weights and biases") {
  const Temporary folder;
  Model<Bert<float>, IA3> model(Bert<float>::open(small::folder()), {}, Classify{3});
  Model<Bert<float>, Method<>> plain(Bert<float>::open(small::folder()), {}, Classify{3});
  const auto before = small::logits_of(model);
  CHECK(before == small::logits_of(plain));
  small::disturb(model, 0.3);
  const auto wanted = small::logits_of(model);
  CHECK(small::worst(wanted, before) > 0.05);
  export_checkpoint(model, folder / "merged", {"no", "perhaps", "yes"});
  Model<Bert<float>, Method<>> merged(Bert<float>::open(folder / "merged"), {}, Classify{3});
  CHECK(small::worst(small::logits_of(merged), wanted) < 1e-5);
}
