// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/p_tuning.hpp>

#include <peft/io/peft_prompt.hpp>

#include "../unit/run.hpp"
#include "../unit/virtual_rows.hpp"

using namespace peft;

template <class Backbone>
int run_method(const Job& job) {
  Method<Delta<PTuning>> method;
  auto& part = std::get<0>(method.deltas);
  PTuning& p = part.delta;
  using Encoder = PTuning::Encoder;
  if (job.adapter) configure_from(*job.adapter, part);  // an adapter holds no encoder
  p.length = length_of(job, p.length);
  if (p.encoder == Encoder::none)
    job.choice("encoder", {"none"});
  else
    p.encoder = static_cast<Encoder>(job.choice("encoder", {"lstm", "mlp", "none"}));  // in the order of the type
  p.inner = static_cast<int>(job.setting("inner", p.inner));
  p.lstm_layers = static_cast<int>(job.setting("layers", p.lstm_layers));
  require(p.inner >= 0 && p.lstm_layers > 0, "--set inner=", p.inner, " layers=", p.lstm_layers,
          ": positive numbers were expected");
  const char* const encoders[] = {"LSTM", "MLP", "no encoder"};
  return run<Backbone>(job, method, cat("P-tuning n=", p.length, ", ", encoders[static_cast<int>(p.encoder)]));
}
