// SPDX-License-Identifier: Apache-2.0
// Methods beside the backbone, and the backbone alone.
#include <peft/side/any_cell.hpp>
#include <peft/side/ladder.hpp>
#include <peft/side/read_pair.hpp>

#include "measure.hpp"

namespace peft::bench {

namespace {

/// Where the released code of LST has blocks, of each stack: nine of T5-base's twelve layers, the odd ones of T5-large,
/// the last of T5-3B; elsewhere at every layer.
std::vector<int> ladder_layers(const Options& o, int layers) {
  std::vector<int> one;
  for (int l = 0; l < layers; ++l)
    if (o.layers > 0 || o.size == "small" || (o.size == "base" && l % 4 != 0) || (o.size == "large" && l % 2 == 1) ||
        l + 1 == layers)
      one.push_back(l);
  std::vector<int> both = one;
  for (const int l : one) both.push_back(layers + l);
  return both;
}

}  // namespace

bool run_beside(const Options& o) {
  if (o.method == "none") {
    measure(o, Method<>{});
  } else if (o.method == "lst") {
    Method<SideNet<Ladder<>>> method;
    auto& ladder = std::get<0>(method.deltas).delta;
    ladder.reduction = o.width;
    ladder.pruned = false;
    ladder.layers = ladder_layers(o, t5_config(o.size, o.layers).num_layers);
    measure(o, method);
  } else if (o.method == "read") {
    Method<SideNet<ReadPair<AnyCell>>> method;
    auto& net = std::get<0>(method.deltas).delta;
    net.depth.cell = AnyCell::named(o.cell);
    net.width = o.width;
    measure(o, method);
  } else {
    return false;
  }
  return true;
}

}  // namespace peft::bench
