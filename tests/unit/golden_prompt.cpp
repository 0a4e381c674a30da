// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/p_tuning.hpp>
#include <peft/delta/prefix.hpp>
#include <peft/delta/prompt.hpp>

#include <peft/io/peft_prompt.hpp>
#include <peft/model/peft_files.hpp>

#include "golden.hpp"
#include "io_temporary.hpp"

using namespace peft;

namespace {

template <class D>
void follows_peft(const char* name, D delta) {
  delta.length = 3;
  golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / (std::string(name) + ".safetensors"),
                      Classify{3}, Method<Delta<D>>(Delta<D>{delta}));
}

template <class D>
using Tiny = Model<Bert<float>, Method<Delta<D>>>;

/// Saved for PEFT and read again, the encoder gone: the same predictions, bit for bit. Returns the adapter.
template <class D>
PeftAdapter through_peft(D delta) {
  delta.length = 3;
  const Temporary folder;
  const auto backbone = Bert<float>::open(golden::folder("tiny-bert"));
  const Batch batch =
      golden::read_batch(SafeTensors::open(golden::folder("tiny-bert") / "prompt.safetensors"), "batch");
  const auto predict = [&](Tiny<D>& model) {
    Engine<Tiny<D>> engine(model, 1, {40, 2});
    engine.prepare();
    return engine.predict(batch);
  };
  Tiny<D> model(backbone, Method<Delta<D>>(Delta<D>{delta}), {3});
  const auto logits = predict(model);
  save_peft(folder.path(), to_adapter(model, "tiny"));

  const PeftAdapter adapter = load_peft(folder.path());
  Method<Delta<D>> method;
  configure_from(adapter, std::get<0>(method.deltas));
  Tiny<D> again(backbone, method, {3}, 7);
  CHECK(predict(again) != logits);
  from_adapter(again, adapter);
  CHECK(predict(again) == logits);
  return adapter;
}

}  // namespace

TEST_CASE("virtual tokens in PEFT's files", "[golden]") {
  Prefix prefix;
  prefix.zero = false;
  prefix.inner = 6;
  for (const bool projection : {true, false}) {
    prefix.projection = projection;
    const PeftAdapter a = through_peft(prefix);
    CHECK(a.kind() == "PREFIX_TUNING");
    CHECK(a.config["prefix_projection"] == projection);
    CHECK(a.config["num_layers"] == 3);
    CHECK(a.config["num_attention_heads"] == 4);
    CHECK(a.tensors.size() == 3);
    for (const HostTensor& t : a.tensors)
      CHECK((t.name == "prompt_embeddings" || t.name.starts_with("base_model.classifier.")));
  }
  const PeftAdapter prompt = through_peft(Prompt{});
  CHECK(prompt.kind() == "PROMPT_TUNING");
  CHECK(prompt.config["num_virtual_tokens"] == 3);
  PTuning p;
  p.inner = 6;
  for (const auto encoder : {PTuning::Encoder::lstm, PTuning::Encoder::mlp}) {
    p.encoder = encoder;
    const PeftAdapter a = through_peft(p);
    CHECK(a.kind() == "P_TUNING");
    CHECK(a.config["encoder_reparameterization_type"] == (encoder == PTuning::Encoder::lstm ? "LSTM" : "MLP"));
  }

  // PEFT has no prefix in some layers only.
  Delta<Prefix> part{prefix};
  part.layers = {1, 3};
  const Tiny<Prefix> upper(Bert<float>::open(golden::folder("tiny-bert")), Method<Delta<Prefix>>(part), {3});
  CHECK_THROWS_AS(to_adapter(upper, "tiny"), Error);
}

TEST_CASE("prefix tuning follows PEFT, with its projection and without", "[golden]") {
  Prefix p;
  p.inner = 6;
  follows_peft("prefix", p);
  p.projection = false;
  follows_peft("prefix_direct", p);
}

TEST_CASE("prompt tuning follows PEFT", "[golden]") { follows_peft("prompt", Prompt{}); }

TEST_CASE("P-tuning follows PEFT, with either encoder", "[golden]") {
  PTuning p;
  p.inner = 6;
  follows_peft("p_tuning_lstm", p);
  p.encoder = PTuning::Encoder::mlp;
  follows_peft("p_tuning_mlp", p);
}
