// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/mam.hpp>

#include "runs.hpp"
#include "run.hpp"

namespace {

int run_mam(const Job& job) {
  using namespace peft;
  require(job.options.sites.empty(), "--sites ", job.options.sites, ": --method mam sits on attn.prefix and ff");
  MAM<Dynamic> method;
  auto& [prefix, adapter] = method.deltas;
  prefix.delta.length = static_cast<int>(job.setting("length", 30));
  prefix.delta.inner = static_cast<int>(job.setting("inner", 800));
  prefix.delta.zero = job.choice("init", {"zero", "normal"}) == 0;
  adapter.delta.width = static_cast<int>(job.setting("width", 512));
  adapter.delta.scale = job.setting("scale", 4);
  return run<peft::Bert<float>>(job, method, cat("MAM, prefix ", prefix.delta.length, ", adapter ", adapter.delta.width));
}

const Runs mam_bert("mam", "bert", run_mam);

}  // namespace
