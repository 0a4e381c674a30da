// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/side/ladder.hpp>

#include <sstream>

#include "../unit/run.hpp"

/// "1,3,5" -> 1 3 5; "all" -> none.
std::vector<int> layers_named(const std::string& text) {
  std::vector<int> layers;
  if (text == "all") return layers;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    peft::require(!part.empty() && part.find_first_not_of("0123456789") == std::string::npos && part.size() < 6,
                  "--set layers=", text, ": numbers of layers from 0 on, separated by commas, or all");
    layers.push_back(std::stoi(part));
  }
  peft::require(!layers.empty(), "--set layers=", text, ": numbers of layers from 0 on, separated by commas, or all");
  return layers;
}

/// Settings: reduction, heads (0: the backbone's), layers (1,3,5 or all), temperature, output (replace, add), start
/// (pruned, random).
template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
  Method<SideNet<Ladder<>>> method;
  auto& ladder = std::get<0>(method.deltas).delta;
  ladder.reduction = static_cast<int>(job.setting("reduction", ladder.reduction));
  ladder.heads = static_cast<int>(job.setting("heads", ladder.heads));
  ladder.layers = layers_named(job.setting("layers", std::string("all")));
  ladder.temperature = job.setting("temperature", ladder.temperature);
  require(ladder.temperature > 0, "--set temperature=", ladder.temperature, ": it must be positive");
  const std::string output = job.setting("output", std::string("replace")),
                    start = job.setting("start", std::string("pruned"));
  require(output == "replace" || output == "add", "--set output=", output, ": replace or add");
  require(start == "pruned" || start == "random", "--set start=", start, ": pruned or random");
  ladder.replaces = output == "replace";
  ladder.pruned = start == "pruned";
  return run<Backbone>(job, method, cat("LST 1/", ladder.reduction));
}
