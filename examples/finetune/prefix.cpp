// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/prefix.hpp>
#include <peft/io/peft_prompt.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "prefix.hpp"
#include "run.hpp"
#include "runs.hpp"

namespace {

using namespace peft;

/// Prefix tuning and P-tuning v2 are one type: their settings differ.
int run_prefix(const Job& job, const char* name, Prefix prefix) {
  require(job.options.sites.empty(), "--sites ", job.options.sites, ": --method ", job.options.method,
          " sits in every layer");
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
  p.dropout = job.setting("dropout", job.options.delta_dropout > 0 ? job.options.delta_dropout : p.dropout);
  require(p.length > 0 && p.inner > 0, "--set length=", p.length, " and inner=", p.inner, ": both must be positive");
  require(p.dropout >= 0 && p.dropout < 1, "--set dropout=", p.dropout, ": expected a number from 0 to below 1");
  return run<peft::Bert<float>>(job, method,
                                cat(name, " n=", p.length, p.projection ? cat(", MLP ", p.inner) : std::string()));
}

const Runs prefix_bert("prefix", "bert", [](const Job& job) { return run_prefix(job, "prefix", Prefix{}); });
const Runs p_tuning_v2_bert("p-tuning-v2", "bert",
                            [](const Job& job) { return run_prefix(job, "P-tuning v2", PTuningV2{}); });

}  // namespace
