// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/side/read.hpp>
#include <peft/side/read_layers.hpp>
#include <peft/side/read_pair.hpp>
#include <peft/side/read_pair_full.hpp>

#include "../unit/run.hpp"

/// The settings that every form of READ has. `relative`: measure the backbone's layers by their own size, by
/// default where norms come before the layers' sums (side/stream.hpp).
template <class Backbone>
void configure_read(auto& net, const Job& job) {
  net.width = static_cast<int>(job.setting("width", net.width));
  peft::require(net.width > 0, "--set width=", net.width, ": the width must be positive");
  net.dropout = job.delta_dropout();
  net.output_deviation = job.setting("output_deviation", net.output_deviation);
  if constexpr (requires { net.relative; }) {
    const bool standard = std::optional<bool>(net.relative).value_or(Backbone::spec.pre_norm);
    net.relative = job.setting("relative", standard) != 0;
  }
}

/// On an encoder, or a decoder alone. Settings: cell (rnn, lstm, gru), width, variant (direct, concat, gated: the
/// joiner; layers: no recurrence), norm_after (0, 1), output_deviation, relative (0, 1).
template <class Backbone>
int run_read_alone(const Job& job) {
  using namespace peft;
  const std::string variant = job.setting("variant", std::string("direct"));
  require(variant == "direct" || variant == "concat" || variant == "gated" || variant == "layers",
          "--set variant=", variant, ": direct, concat, gated or layers");
  const auto train = [&](auto method) {
    auto& net = std::get<0>(method.deltas).delta;
    configure_read<Backbone>(net, job);
    std::string label = cat("READ ", net.width);
    if constexpr (requires { net.cell; }) {
      const std::string cell = job.setting("cell", std::string("gru"));
      net.cell = AnyCell::named(cell);
      net.norm_after = job.setting("norm_after", net.norm_after) != 0;
      label = cat("READ ", cell, " ", net.width);
    }
    if constexpr (requires { net.joiner.gated; }) net.joiner.gated = variant == "gated";
    return run<Backbone>(job, method, variant == "direct" ? label : cat(label, ", ", variant));
  };
  if (variant == "layers") return train(Method<SideNet<ReadLayers<>>>{});
  if (variant == "direct") return train(Method<SideNet<Read<AnyCell>>>{});
  return train(Method<SideNet<Read<AnyCell, 128, Concat>>>{});
}

/// The same on an encoder-decoder: settings cell, width, output_deviation, relative, and variant: direct (Algorithm 1),
/// full (equations 12 and 13), gated (equation 14 as well), or layers (no recurrence).
template <class Backbone>
int run_read_pair(const Job& job) {
  using namespace peft;
  const std::string variant = job.setting("variant", std::string("direct"));
  require(variant == "direct" || variant == "full" || variant == "gated" || variant == "layers",
          "--set variant=", variant, ": direct, full, gated or layers on an encoder-decoder");
  const auto train = [&](auto method, const std::string& cell, auto... recurrences) {
    auto& net = std::get<0>(method.deltas).delta;
    (((net.*recurrences).cell = AnyCell::named(cell)), ...);
    if constexpr (requires { net.encoder.joiner.gated; })
      net.encoder.joiner.gated = net.decoder.joiner.gated = variant == "gated";
    configure_read<Backbone>(net, job);
    return run<Backbone>(
        job, method, cat("READ ", cell, cell.empty() ? "" : " ", net.width, variant == "direct" ? "" : ", " + variant));
  };
  using Pair = ReadPair<AnyCell>;
  using Full = ReadPairFull<AnyCell>;
  if (variant == "layers") return train(Method<SideNet<ReadLayers<>>>{}, "");
  const std::string cell = job.setting("cell", std::string("gru"));
  if (variant == "direct") return train(Method<SideNet<Pair>>{}, cell, &Pair::depth);
  return train(Method<SideNet<Full>>{}, cell, &Full::encoder, &Full::decoder);
}

template <class Backbone>
int run_method(const Job& job) {
  if constexpr (Backbone::spec.cross)
    return run_read_pair<Backbone>(job);
  else
    return run_read_alone<Backbone>(job);
}
