// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/diff_pruning.hpp>
#include <peft/io/delta_file.hpp>

#include <algorithm>
#include <iostream>

#include "../unit/run.hpp"

using namespace peft;

/// How many numbers of each tensor are changed, as a table with a header.
inline std::string nonzeros(const DeltaFile& delta, const DiffPruning& method) {
  const ops::HardConcrete gate{method.lower, method.upper};
  std::string text = "tensor\tchanged\tof\n";
  for (const HostTensor& t : delta.tensors) {
    if (!t.name.ends_with(".diff")) continue;
    const std::string name = t.name.substr(0, t.name.size() - 5);
    const std::vector<float>& alpha = delta.tensor(name + ".alpha").data;
    const bool shut = method.structured && gate.middle(delta.tensor(name + ".alpha_group").data[0]) == 0;
    std::int64_t n = 0;
    for (std::size_t i = 0; i < t.data.size(); ++i) n += !shut && t.data[i] != 0 && gate.middle(alpha[i]) != 0;
    text += cat(name, "\t", n, "\t", t.data.size(), "\n");
  }
  return text;
}

template <class Backbone>
int run_method(const Job& job) {
  Method<Delta<DiffPruning>> method;
  auto& part = std::get<0>(method.deltas);
  part.mask = job.sites(Everything, Everything);
  DiffPruning& diff = part.delta;
  const std::string counts = job.setting("counts", "expected");
  require(counts == "expected" || counts == "released", "the setting counts is \"", counts,
          "\", expected expected or released");
  if (counts == "released") diff = DiffPruning::released();
  diff.structured = job.setting("structured", double(diff.structured)) != 0;
  diff.fraction = job.setting("fraction", diff.fraction);
  diff.prune_at = job.setting("prune-at", diff.prune_at);
  diff.lambda = job.setting("lambda", diff.lambda);
  require(diff.fraction > 0 && diff.fraction <= 1, "the setting fraction is ", diff.fraction,
          ", expected more than 0, up to 1");
  require(diff.prune_at >= 0 && diff.prune_at <= 1, "the setting prune-at is ", diff.prune_at,
          ", expected a part of the steps, 0 to 1");
  diff.gate_lr_factor = job.options.lr > 0 ? job.setting("gate-lr", 0.1) / job.options.lr : 1;
  diff.on_prune = [](std::int64_t kept, std::int64_t of) {
    std::cout << "pruned: " << report::count(kept) << " of " << report::count(of) << " numbers stay changed ("
              << report::percent(double(kept), double(of)) << ")\n"
              << std::flush;
  };
  job.beside("nonzeros.tsv", [&](const DeltaFile& trained) { return nonzeros(trained, diff); });
  return run<Backbone>(job, method, "diff pruning");
}
