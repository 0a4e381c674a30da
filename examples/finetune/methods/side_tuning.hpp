// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/side/side_tuning.hpp>

#include "../unit/run.hpp"

/// Settings: reduction, heads (0: the backbone's), depth, alpha0 (what its sigmoid's argument begins with), blend
/// (learned, fixed), start (pruned, random).
template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
  Method<SideNet<SideTuning<>>> method;
  auto& side = std::get<0>(method.deltas).delta;
  side.reduction = static_cast<int>(job.setting("reduction", side.reduction));
  side.heads = static_cast<int>(job.setting("heads", side.heads));
  side.depth = static_cast<int>(job.setting("depth", side.depth));
  side.start = job.setting("alpha0", side.start);
  const std::string blend = job.setting("blend", std::string("learned")),
                    start = job.setting("start", std::string("random"));
  require(blend == "learned" || blend == "fixed", "--set blend=", blend, ": learned or fixed");
  require(start == "pruned" || start == "random", "--set start=", start, ": pruned or random");
  side.blends = blend == "learned";
  side.pruned = start == "pruned";
  return run<Backbone>(job, method, cat("side-tuning 1/", side.reduction));
}
