// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/prompt.hpp>
#include <peft/io/peft_prompt.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "../unit/run.hpp"
#include "../unit/virtual_rows.hpp"

template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
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
  return run<Backbone>(job, method, cat("prompt n=", prompt.length));
}
