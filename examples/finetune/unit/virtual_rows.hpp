// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/prefix.hpp>
#include <peft/io/peft_prompt.hpp>

#include <string>
#include <vector>

#include "run.hpp"

// What methods share that put rows of their own before those of the text.

/// The setting length: the number of rows.
inline int length_of(const Job& job, int standard) {
  const int length = static_cast<int>(job.setting("length", standard));
  peft::require(length > 0, "--set length=", length, ": a positive number was expected");
  return length;
}

/// The setting init of a prefix.
inline bool begins_at_zero(const Job& job, const peft::Prefix& prefix) {
  return (job.choice("init", prefix.zero ? std::vector<std::string>{"zero", "normal"}
                                         : std::vector<std::string>{"normal", "zero"}) == 0) == prefix.zero;
}

/// Prefix tuning and P-tuning v2 are one type: their settings differ.
template <class Backbone>
int run_prefix(const Job& job, const char* name, peft::Prefix prefix) {
  using namespace peft;
  Method<Delta<Prefix>> method(Delta<Prefix>{prefix});
  auto& part = std::get<0>(method.deltas);
  Prefix& p = part.delta;
  const bool may_project = p.projection;
  if (job.adapter) configure_from(*job.adapter, part);  // an adapter holds no encoder
  p.length = static_cast<int>(job.setting("length", p.length));
  if (may_project) {
    using Names = std::vector<std::string>;
    p.projection = job.choice("encoder", p.projection ? Names{"mlp", "none"} : Names{"none"}) == 0 && p.projection;
    p.inner = static_cast<int>(job.setting("inner", p.inner));
  }
  p.zero = begins_at_zero(job, p);
  p.dropout = job.setting("dropout", job.delta_dropout() > 0 ? job.delta_dropout() : p.dropout);
  require(p.length > 0 && p.inner > 0, "--set length=", p.length, " and inner=", p.inner, ": both must be positive");
  require(p.dropout >= 0 && p.dropout < 1, "--set dropout=", p.dropout, ": expected a number from 0 to below 1");
  return run<Backbone>(job, method, cat(name, " n=", p.length, p.projection ? cat(", MLP ", p.inner) : std::string()));
}
