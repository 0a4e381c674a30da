// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/p_tuning.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/io/peft_prompt.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "methods.hpp"
#include "run.hpp"

namespace {

using namespace peft;

/// The number of virtual tokens, of a method that has no sites to choose.
int length_of(const Job& job, int standard) {
  require(job.options.sites.empty(), "--sites ", job.options.sites, ": --method ", job.options.method, " sits before the embeddings");
  const int length = static_cast<int>(job.setting("length", standard));
  require(length > 0, "--set length=", length, ": a positive number was expected");
  return length;
}

int run_prompt(const Job& job) {
  Method<Delta<Prompt>> method;
  auto& part = std::get<0>(method.deltas);
  Prompt& prompt = part.delta;
  if (job.adapter) configure_from(*job.adapter, part);
  prompt.length = length_of(job, prompt.length);
  const std::size_t init = job.choice("init", {"vocabulary", "text", "normal", "uniform"});
  const std::string text = job.setting("text", std::string());
  if (init == 1) {
    for (const std::int32_t id : job.tokenizer->ids(text)) prompt.tokens.push_back(id);
    require(!prompt.tokens.empty(), "--set init=text: give the words by --set text=WORDS");
  } else {
    require(text.empty(), "--set text=", text, ": used with --set init=text");
  }
  prompt.begin = init < 2 ? Prompt::Begin::words : init == 2 ? Prompt::Begin::normal : Prompt::Begin::uniform;
  return run(job, method, cat("prompt n=", prompt.length));
}

int run_p_tuning(const Job& job) {
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
  require(p.inner >= 0 && p.lstm_layers > 0, "--set inner=", p.inner, " layers=", p.lstm_layers, ": positive numbers were expected");
  const char* const encoders[] = {"LSTM", "MLP", "no encoder"};
  return run(job, method, cat("P-tuning n=", p.length, ", ", encoders[static_cast<int>(p.encoder)]));
}

const Entry prompt_entry("prompt", "prompt tuning: trained rows before the embeddings", 5e-3, run_prompt);
const Entry p_tuning_entry("p-tuning", "P-tuning: such rows made by an LSTM or an MLP", 1e-3, run_p_tuning);

}  // namespace
