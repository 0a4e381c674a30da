// SPDX-License-Identifier: Apache-2.0
// Bottlenecks behind every kind of gate, and what is composed of them.
#include <peft/delta/compacter.hpp>
#include <peft/delta/houlsby.hpp>
#include <peft/delta/low_rank_adapter.hpp>
#include <peft/delta/mam.hpp>
#include <peft/delta/pfeiffer.hpp>
#include <peft/delta/seq_bn.hpp>
#include <peft/delta/unipelt.hpp>
#include <peft/gate/proximal.hpp>

#include "saved.hpp"

using namespace peft;
using saved::In;

namespace {

/// Every adapter at once, with the gate, if there is one, on all of them.
template <class... Gates>
void check_gated() {
  Method<Delta<Adapter<3>, At<Attention>>, Delta<ParallelAdapter<2>>, Delta<Compacter<>, At<Attention>>,
         Delta<LowRankAdapter<>>, Gates...>
      method;
  std::get<2>(method.deltas).delta.n = 2;
  std::get<2>(method.deltas).delta.reduction = 3;
  std::get<3>(method.deltas).delta.reduction = 4;
  saved::check(method, In::own);
}

}  // namespace

TEST_CASE("saved: adapters behind gates that scale") {
  check_gated<>();
  check_gated<Gate<ProximalGate<ReferenceXi, Normal01, MeanPenalty>>>();
  check_gated<Gate<SigmoidGate>>();
}

TEST_CASE("saved: adapters behind gates that do not scale") {
  check_gated<Gate<saved::Largest>>();
  check_gated<Gate<saved::Squash>>();
}

TEST_CASE("saved: compositions of adapters") {
  saved::check(Houlsby<3>{}, In::own);
  saved::check(SeqBn<3>{}, In::own);
  Method<Delta<PfeifferAdapter<Dynamic>, At<Ffn, Layer>>> pfeiffer;
  auto& part = std::get<0>(pfeiffer.deltas);
  part.delta.scale = 0.5;
  part.layers.first = 1;
  saved::check(pfeiffer, In::own);
  const auto small = [](auto method) {
    std::get<0>(method.deltas).delta.length = 2;
    std::get<0>(method.deltas).delta.inner = 3;
    return method;
  };
  saved::check(small(MAM<3>{}), In::own);
  saved::check(small(UniPELT<2, 3>{}), In::own);
}
