// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/mam.hpp>

#include "prefix.hpp"
#include "run.hpp"
#include "runs.hpp"

namespace {

int run_mam(const Job& job) {
  using namespace peft;
  require(job.options.sites.empty(), "--sites ", job.options.sites, ": --method mam sits on attn.prefix and ff");
  MAM<Dynamic> method;
  auto& [prefix, adapter] = method.deltas;
  prefix.delta.length = static_cast<int>(job.setting("length", prefix.delta.length));
  prefix.delta.inner = static_cast<int>(job.setting("inner", prefix.delta.inner));
  prefix.delta.zero = begins_at_zero(job, prefix.delta);
  adapter.delta.width = static_cast<int>(job.setting("width", std::get<1>(MAM<>().deltas).delta.width));
  adapter.delta.scale = job.setting("scale", adapter.delta.scale);
  return run<peft::Bert<float>>(job, method,
                                cat("MAM, prefix ", prefix.delta.length, ", adapter ", adapter.delta.width));
}

const Runs mam_bert("mam", "bert", run_mam);

}  // namespace
