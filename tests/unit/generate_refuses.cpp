// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/prompt.hpp>
#include <peft/model/generate.hpp>

#include <string>

#include "generate_cache.hpp"

using namespace peft;

namespace {

template <class F>
std::string message(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "nothing was refused";
}
bool says(const std::string& text, const std::string& part) {
  UNSCOPED_INFO(text);
  return text.find(part) != std::string::npos;
}
using Prompts = std::vector<cache::Ids>;

template <class M>
std::string refused(const M& model, const Prompts& prompts, const GenerateOptions& options = {}) {
  return message([&] { generate(model, prompts, options); });
}

}  // namespace

TEST_CASE("prompts and options that cannot be are refused in words", "[generate]") {
  Delta<Prompt> prompt;
  prompt.delta.length = 2;
  const Model<Llama<double>, Method<Delta<Prompt>>, LanguageModel> model(cache::llama(), Method<Delta<Prompt>>(prompt),
                                                                         {});
  const Prompts good{{1, 2, 3}, {4}};
  CHECK(says(refused(model, good, {.max_new_tokens = 0}), "max_new_tokens = 0"));
  CHECK(says(refused(model, good, {.max_new_tokens = -3}), "max_new_tokens = -3"));
  CHECK(says(refused(model, good, {.beams = 0}), "beams = 0"));
  CHECK(says(refused(model, good, {.beams = 12}), "12 beams want 24 tokens to choose from, the vocabulary has 23"));
  CHECK(says(refused(model, good, {.eos = {23}}), "eos: the id 23 is outside the backbone's vocabulary of 23"));
  CHECK(says(refused(model, good, {.eos = {-1}}), "eos: the id -1"));
  CHECK(says(refused(model, good, {.prompts = 0}), "prompts = 0 at a time"));
  CHECK(says(refused(model, {{1}, {}}), "prompt 1 is empty"));
  CHECK(says(refused(model, {{1, 23}}), "prompt 0: the id 23 is outside the backbone's vocabulary of 23"));
  CHECK(says(refused(model, {{1, -1}}), "prompt 0: the id -1"));
  // 40 positions: 2 are virtual, and what is written last is not read.
  CHECK(says(refused(model, {cache::draw(8, 1)}, {.max_new_tokens = 32}),
             "prompt 0: 8 tokens, 2 virtual ones and 32 new ones are more than the backbone's 40 positions"));
  CHECK(refused(model, {cache::draw(7, 1)}, {.max_new_tokens = 32}) == "nothing was refused");
  CHECK(generate(model, Prompts{}).empty());
}

TEST_CASE("a decoder needs something to begin with", "[generate]") {
  const Model<T5<double>, Method<>, LanguageModel> model(cache::t5(), {}, {});
  CHECK(says(refused(model, {{1}}, {.start = 23}),
             "start: a decoder needs a token of the vocabulary to begin with, not 23"));
  CHECK(says(refused(model, {{}}), "prompt 0 is empty"));
  CHECK(generate(model, Prompts{{1}}, {.max_new_tokens = 3})[0].size() == 3);
}
