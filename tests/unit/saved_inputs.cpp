// SPDX-License-Identifier: Apache-2.0
// Virtual tokens, special tokens, rescaled activations.
#include <peft/delta/ia3.hpp>
#include <peft/delta/p_tuning.hpp>
#include <peft/delta/pasta.hpp>
#include <peft/delta/prefix.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/io/peft_adapter.hpp>

#include "saved.hpp"

using namespace peft;
using saved::In;

namespace {

using Prefixes = Method<Delta<Prefix>>;
Prefixes prefix(bool projection) {
  Prefixes method;
  auto& delta = std::get<0>(method.deltas).delta;
  delta.length = 3;
  delta.inner = 4;
  delta.projection = projection;
  delta.dropout = 0.1;
  return method;
}

}  // namespace

TEST_CASE("saved: prompts and the encoders behind them") {
  Method<Delta<Prompt>> prompt;
  std::get<0>(prompt.deltas).delta.length = 3;
  saved::check(prompt, In::peft);
  Method<Delta<PTuning>> p_tuning;
  auto& delta = std::get<0>(p_tuning.deltas).delta;
  delta.length = 3;
  for (const auto encoder : {PTuning::Encoder::lstm, PTuning::Encoder::mlp, PTuning::Encoder::none}) {
    delta.encoder = encoder;
    saved::check(p_tuning, In::both);
  }
}

TEST_CASE("saved: a prefix, with its encoder, and where PEFT has none") {
  saved::check(prefix(true), In::both);
  saved::check(prefix(false), In::both);
  Prefixes higher = prefix(true);
  std::get<0>(higher.deltas).layers.first = 1;
  saved::check(higher, In::own);
}

TEST_CASE("saved: what PEFT's files hold of an encoder is of the trained values, prepared or not") {
  const auto bert = tiny::bert<float, Space>();
  const Temporary first, second;
  Prefixes method = prefix(true);
  std::get<0>(method.deltas).delta.zero = false;
  Model<Bert<float, Space>, Prefixes> model(bert, method, Classify{3}, 3), again(bert, method, Classify{3}, 77);
  Engine<decltype(model)> engine(model, 1);
  engine.prepare();
  save(model, first.path());
  load(again, first.path());
  save(again, second.path());
  CHECK((get(first / "adapter_model.safetensors") == get(second / "adapter_model.safetensors")));
}

TEST_CASE("saved: PASTA") { saved::check(Method<Delta<Pasta>>{}, In::own); }

TEST_CASE("saved: (IA)^3, and where PEFT has none") {
  saved::check(IA3{}, In::peft);
  saved::check(Method<Delta<Rescale<Route::post>, At<Attention>>, Delta<Rescale<Route::pre>, At<FfnDown>>>{}, In::own);
  saved::check(IA3Anywhere{}, In::own);  // before and after the same layers
}
