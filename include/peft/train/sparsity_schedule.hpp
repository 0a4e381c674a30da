// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/core/exact.hpp>
#include <peft/core/interrupt.hpp>
#include <peft/core/rng.hpp>
#include <peft/model/peft_files.hpp>
#include <peft/train/fit.hpp>

namespace peft {

/// How xi goes from the first value a to the last b in even parts u = 0 .. 1, as the released code names them.
enum class XiPath {
  linear,      // a + u (b - a)
  log_linear,  // log(exp a + u (exp b - exp a)): steps become smaller
  exp_linear   // a (b / a)^u: steps become larger; a > 0
};
inline const char* name(XiPath path) {
  return path == XiPath::linear ? "linear" : path == XiPath::log_linear ? "log-linear" : "exp-linear";
}

/// SoRA's schedule (Ding et al., 2023, Algorithm 1): train to convergence at the first xi, then raise xi step by step,
/// a few epochs each, and keep the model of every step. Defaults as the paper's xi and epochs; its last xi is not
/// known.
struct SparsitySchedule {
  XiPath path = XiPath::linear;
  double first = 1e-4, last = 7e-4;
  int steps = 7;         // the first one included
  int epochs = 5;        // of a later step; of the first step: FitOptions::epochs
  double later_lr =
      -1;  // of later steps; below 0: FitOptions::lr. 0: gates only shrink, as in the released code, whose
                         // exhausted learning-rate schedule returns zero in every step but the first
  std::filesystem::path folder{};  // for the pruned models, in step-0, step-1, ...; empty: none
  std::string base_model{};        // the backbone's name in their files; empty: its folder

  /// xi of every step.
  std::vector<double> values() const {
    require(steps >= 1, "a sparsity schedule of ", steps, " steps: expected 1 or more");
    require(epochs >= 1, "a sparsity schedule with ", epochs, " epochs a step: expected 1 or more");
    require(std::isfinite(first) && std::isfinite(last) && 0 <= first && first <= last,
            "a sparsity schedule from xi = ", first, " to ", last,
            ": expected two numbers from 0 on, the last the largest");
    require(path != XiPath::exp_linear || first > 0,
            "an exp-linear sparsity schedule cannot begin at xi = 0; give a first value above");
    std::vector<double> all;
    for (int k = 0; k < steps; ++k) {
      const double u = steps > 1 ? static_cast<double>(k) / (steps - 1) : 0;
      all.push_back(path == XiPath::linear       ? first + u * (last - first)
                    : path == XiPath::log_linear ? std::log(std::exp(first) + u * (std::exp(last) - std::exp(first)))
                                                 : first * std::pow(last / first, u));
    }
    return all;
  }
};

/// What is left of one gated matrix.
struct ModuleRank {
  std::string path;
  int in = 0, out = 0, rank = 0, kept = 0;
  /// Of the pruned branch, its gates folded in: a rank costs in + out, whatever the shape of its matrix.
  std::int64_t parameters() const { return static_cast<std::int64_t>(kept) * (in + out); }
};

/// The ranks of every gated low-rank branch whose gate is not exactly zero.
template <class M>
std::vector<ModuleRank> ranks_of(const M& model) {
  using Plain = typename M::Attached::Plain;
  std::vector<ModuleRank> all;
  for_each_delta<Plain>([&](auto i) {
    const auto& tensors = std::get<i>(model.values().all).modules;
    const auto& modules = model.attached().placement(i).modules;
    if constexpr (requires {
                    tensors[0].g;
                    tensors[0].A;
                    tensors[0].B;
                  })
      for (std::size_t k = 0; k < modules.size(); ++k) {
        ModuleRank m{modules[k].path, modules[k].in, modules[k].out, static_cast<int>(cols(tensors[k].g)), 0};
        for (const float g : to_host(tensors[k].g)) m.kept += g != 0;
        all.push_back(std::move(m));
      }
  });
  return all;
}

/// One step of the schedule, and what is left after it.
struct SparsityStep {
  int step = 0;
  double xi = 0;
  std::vector<ModuleRank> ranks;
  metric::Scores train, dev;  // memorisation, generalisation
  History history;

  int kept() const {
    int n = 0;
    for (const ModuleRank& m : ranks) n += m.kept;
    return n;
  }
  std::int64_t parameters() const {
    std::int64_t n = 0;
    for (const ModuleRank& m : ranks) n += m.parameters();
    return n;
  }
};

/// Sets the strength of every gate that has one; how many deltas that were.
template <class M>
int set_gate_strength(M& model, double strength) {
  int found = 0;
  for_each_delta<typename M::Attached::Plain>([&](auto i) {
    auto& delta = model.attached().template delta<i>();
    if constexpr (requires { delta.gate.strength = strength; }) {
      delta.gate.strength = strength;
      ++found;
    }
  });
  return found;
}

/// The epochs of a data set from one on.
template <class Data>
struct LaterEpochs {
  const Data& data;
  std::int64_t begin;
  auto steps(std::int64_t epoch) const { return data.steps(begin + epoch); }
  auto batch(std::int64_t epoch, std::int64_t i) const { return data.batch(begin + epoch, i); }
};

/// What a step may be told before it begins, and what is told of it after.
template <class Options>
struct SparsityCallbacks {
  std::function<void(int step, double xi, Options&)> before{};
  std::function<void(const SparsityStep&)> after{};
};

/// Runs the schedule. Each step is a run of `fit` from the values of the step before, with a new optimizer and
/// learning-rate schedule, on further epochs of `data`; `train` and `dev` give scores. Its gates must take xi as it is
/// (ConstantXi, ReferenceXi). With a checkpoint, each step has its own beside it, and a run that is resumed goes on in
/// the step it was in. When a run is interrupted, the last step is the one it was in, without scores.
template <class M, class Data, class O, class Train, class Dev>
std::vector<SparsityStep> fit_sparsity_schedule(Engine<M>& engine, const Data& data, const FitOptionsWith<O>& options,
                                                const SparsitySchedule& schedule, Train&& train, Dev&& dev,
                                                const SparsityCallbacks<FitOptionsWith<O>>& callbacks = {}) {
  std::vector<SparsityStep> curve;
  const std::vector<double> xi = schedule.values();
  std::int64_t epoch = 0;
  const Interrupt interrupt;
  for (int k = 0; k < schedule.steps; ++k) {
    SparsityStep s;
    s.step = k;
    s.xi = xi[static_cast<std::size_t>(k)];
    require(set_gate_strength(engine.model(), s.xi) > 0, "a sparsity schedule needs a method with proximal gates");
    FitOptionsWith<O> now = options;
    now.identity["epochs of the first step"] = cat(options.epochs);  // more would move all that follows
    now.identity["sparsity"] = cat("step ", k, " of ", schedule.steps, ", xi ", exact(s.xi));
    if (!options.checkpoint.empty()) {
      now.checkpoint.replace_filename(
          cat(options.checkpoint.stem().string(), "-step-", k, options.checkpoint.extension().string()));
      if (k > 0) now.resume = options.resume && std::filesystem::exists(now.checkpoint);
    }
    if (k > 0) {
      now.epochs = schedule.epochs;
      now.seed = rng::combine(rng::mix(options.seed), static_cast<std::uint64_t>(k));
      if (schedule.later_lr >= 0) now.lr = schedule.later_lr;
    }
    if (callbacks.before) callbacks.before(k, s.xi, now);
    s.history = fit(engine, LaterEpochs<Data>{data, epoch}, now, dev);
    epoch += now.epochs;
    s.ranks = ranks_of(engine.model());
    if (Interrupt::requested() && k + 1 < schedule.steps) s.history.interrupted = true;
    try {
      if (!s.history.interrupted) {
        s.train = train();
        s.dev = dev();
      }
    } catch (const Interrupted&) {
      s.history.interrupted = true;
    }
    if (!s.history.interrupted) {
      if (!schedule.folder.empty()) {
        const auto folder = schedule.folder / cat("step-", k);
        if constexpr (HasPeftFiles<ContentsOf<M>>)
          save_adapter(engine.model(), folder,
                       schedule.base_model.empty() ? engine.model().backbone().folder() : schedule.base_model);
        else
          save(engine.model(), folder);
      }
      if (callbacks.after) callbacks.after(s);
    }
    curve.push_back(std::move(s));
    if (curve.back().history.interrupted) break;
  }
  return curve;
}

/// The compression-loss curve and the rank of every matrix, a row per step, with a header: for tables and heat maps.
inline std::string sparsity_table(const std::vector<SparsityStep>& curve) {
  std::string text = "step\txi\tparameters\tranks\ttrain\tdev";
  if (!curve.empty())
    for (const ModuleRank& m : curve[0].ranks) text += "\t" + m.path;
  for (const SparsityStep& s : curve) {
    text += cat("\n", s.step, "\t", exact(s.xi), "\t", s.parameters(), "\t", s.kept(), "\t", exact(s.train.main), "\t",
                exact(s.dev.main));
    for (const ModuleRank& m : s.ranks) text += cat("\t", m.kept);
  }
  return text + "\n";
}

/// The whole run as one history.
inline History history_of(const std::vector<SparsityStep>& curve) {
  History all;
  for (const SparsityStep& s : curve) {
    const int before = all.epochs.empty() ? 0 : all.epochs.back().epoch;
    for (EpochReport e : s.history.epochs) {
      e.epoch += before;
      all.epochs.push_back(std::move(e));
    }
    all.steps += s.history.steps;
    all.examples += s.history.examples;
    all.tokens += s.history.tokens;
    all.seconds += s.history.seconds;
    all.cpu_seconds += s.history.cpu_seconds;
    all.losses.insert(all.losses.end(), s.history.losses.begin(), s.history.losses.end());
    all.interrupted = s.history.interrupted;
  }
  return all;
}

}  // namespace peft
