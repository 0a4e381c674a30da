// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/adalora.hpp>
#include <peft/io/peft_adalora.hpp>

#include "../unit/run.hpp"

using namespace peft;

/// The paper's penalty or the released code's, chosen at run time.
struct ChosenOrthogonality : DefectPenalty<ChosenOrthogonality> {
  bool squared = true;
  double gamma = 0.1;
  double weight(std::size_t defects) const { return squared ? gamma : gamma / static_cast<double>(defects); }
  double value(auto& c, auto D) const {
    return squared ? SquaredOrthogonality{}.value(c, D) : MeanOrthogonality{}.value(c, D);
  }
  double slope(auto& c, auto D) const {
    return squared ? SquaredOrthogonality{}.slope(c, D) : MeanOrthogonality{}.slope(c, D);
  }
};

template <class Backbone>
int run_method(const Job& job) {
  Method<Delta<AdaLoRA<ChosenOrthogonality>, At<Linear>>> method;
  auto& part = std::get<0>(method.deltas);
  auto& delta = part.delta;
  part.mask = job.sites(Linear, Linear);
  // --rank is what a matrix has in the mean at the end, as that of LoRA; it begins with half as much again.
  delta.target = static_cast<int>(job.setting("rank", job.rank()));
  delta.rank = static_cast<int>(job.setting("first-rank", (3 * delta.target + 1) / 2));
  delta.alpha = job.setting("alpha", job.alpha());
  delta.dropout = job.delta_dropout();
  delta.tinit = job.setting("tinit", delta.tinit);
  delta.tfinal = job.setting("tfinal", delta.tfinal);
  delta.every = static_cast<int>(job.setting("every", delta.every));
  delta.beta1 = job.setting("beta1", delta.beta1);
  delta.beta2 = job.setting("beta2", delta.beta2);
  delta.orthogonality.squared = job.choice("orthogonality", {"squared", "mean"}) == 0;
  delta.orthogonality.gamma =
      job.setting("gamma", delta.orthogonality.squared ? SquaredOrthogonality{}.gamma : MeanOrthogonality{}.gamma);
  if (job.adapter) {
    part.mask = Linear;
    configure_from(*job.adapter, part);
  }
  return run<Backbone>(job, method, cat("AdaLoRA r=", delta.rank, ", at last ", delta.target));
}
