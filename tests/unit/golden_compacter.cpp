// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/compacter.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/low_rank_adapter.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

template <class Method, class Set>
void compacter_follows(const char* file, Set&& set) {
  Method method;
  auto& delta = std::get<0>(method.deltas).delta;
  delta.reduction = 0;
  delta.width = 4;
  set(delta);
  golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / file, Classify{3}, method);
}

}  // namespace

TEST_CASE("Compacter with trained LayerNorms follows PyTorch", "[golden]") {
  compacter_follows<Method<Delta<Compacter<>>, Delta<Full, At<AttnNorm, FfnNorm>>>>("compacter.safetensors",
                                                                                    [](auto& delta) { delta.n = 2; });
}

TEST_CASE("Compacter with rules of its own follows PyTorch", "[golden]") {
  compacter_follows<Method<Delta<Compacter<>, At<Ffn>>>>("compacter_own_rules.safetensors",
                                                         [](auto& delta) { delta.n = 2, delta.shared_rule = false; });
}

TEST_CASE("low-rank adapters follow PyTorch", "[golden]") {
  compacter_follows<Method<Delta<LowRankAdapter<>>>>("low_rank_adapter.safetensors",
                                                     [](auto& delta) { delta.rank = 2; });
}
