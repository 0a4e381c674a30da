// SPDX-License-Identifier: Apache-2.0
// The backbone's own tensors, trained in place or changed; nothing but a head; several deltas.
#include <peft/delta/added_bias.hpp>
#include <peft/delta/diff_pruning.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/vera.hpp>

#include "saved.hpp"

using namespace peft;
using saved::In;

TEST_CASE("saved: biases, everything, the head alone") {
  saved::check(BitFit{}, In::own);
  saved::check(Method<Delta<Full>>{}, In::own);
  saved::check(Method<>{}, In::own);
}

TEST_CASE("saved: diff pruning with its mask") {
  Method<Delta<DiffPruning>> method;
  std::get<0>(method.deltas).delta.fraction = 0.1;
  saved::check(method, In::own);
}

TEST_CASE("saved: several deltas, what is frozen of them included") {
  Method<Delta<LoRA<2>, At<Query>>, Delta<VeRA, At<Value>>, Delta<Bias>> method;
  std::get<1>(method.deltas).delta.rank = 5;
  saved::check(method, In::own);
}

TEST_CASE("saved: a head with a pooler of its own") {
  const auto bert = tiny::bert<float, Space>();
  using M = Model<Bert<float, Space>, Method<Delta<Bias>>>;
  const Temporary folder;
  M model(bert->without_pooler(), {}, Classify{3}, 3), fresh(bert->without_pooler(), {}, Classify{3}, 77),
      other(bert, {}, Classify{3});
  save(model, folder.path());
  load(fresh, folder.path());
  for (const Field& f : model.layout().fields()) CHECK(model.read(f) == fresh.read(f));
  CHECK(lacks(error_of([&] { load(other, folder.path()); }), {"a pooler of its own", "without_pooler()"}) == "");
}
