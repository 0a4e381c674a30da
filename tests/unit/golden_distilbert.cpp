// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/bias.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/ia3.hpp>
#include <peft/delta/lora.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/model/distilbert.hpp>
#include <peft/task/tag.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

template <class Method>
void follows_distilbert(const char* checkpoint, const char* file, Method method, Extent labels = 3) {
  golden::check<Distilbert>(golden::folder(checkpoint), golden::folder(checkpoint) / file, Classify{labels}, method);
}

Prompt three_rows_of_distilbert() {
  Prompt prompt;
  prompt.length = 3;
  return prompt;
}

}  // namespace

TEST_CASE("DistilBERT follows transformers and PEFT", "[golden]") {
  follows_distilbert("tiny-distilbert", "head.safetensors", Method<>{});
  follows_distilbert("tiny-distilbert", "lora.safetensors", Method<Delta<LoRA<4>>>(Delta<LoRA<4>>{{.alpha = 8}}));
  follows_distilbert("tiny-distilbert", "bitfit.safetensors", Method<Delta<Bias>>{});
  follows_distilbert("tiny-distilbert", "full.safetensors", Method<Delta<Full>>{});
  follows_distilbert("tiny-distilbert", "ia3.safetensors", IA3{});
}

TEST_CASE("a bare DistilBERT with ReLU and an odd head size follows transformers", "[golden]") {
  follows_distilbert("tiny-distilbert-bare", "head.safetensors", Method<>{}, 1);
  follows_distilbert("tiny-distilbert-bare", "lora.safetensors", Method<Delta<LoRA<4>>>(Delta<LoRA<4>>{{.alpha = 8}}),
                     1);
  follows_distilbert("tiny-distilbert-bare", "full.safetensors", Method<Delta<Full>>{}, 1);
}

TEST_CASE("DistilBERT behind virtual tokens follows PEFT", "[golden]") {
  follows_distilbert("tiny-distilbert", "prompt.safetensors",
                     Method<Delta<Prompt>>(Delta<Prompt>{three_rows_of_distilbert()}));
}

TEST_CASE("DistilBERT's classifier is read with its dense layer, a tagger has none", "[golden]") {
  const auto backbone = Distilbert<float>::open(golden::folder("tiny-distilbert"));
  const SafeTensors file = SafeTensors::open(golden::folder("tiny-distilbert") / "head.safetensors");
  Model<Distilbert<float>, Method<>> model(backbone, {}, Classify{3});
  CHECK(model.head_from_checkpoint());
  Engine<Model<Distilbert<float>, Method<>>> engine(model, 1);
  engine.prepare();
  CHECK(golden::difference(engine.predict(golden::read_batch(file, "batch")), file.at("logits").values<double>(), 0.1) <
        1e-5);

  const auto names = [](const auto& of) {
    std::vector<std::string> all;
    for (const Field& f : of.layout().fields()) all.push_back(f.name);
    return all;
  };
  CHECK(names(model) == std::vector<std::string>{"pre_classifier.weight", "pre_classifier.bias", "classifier.weight",
                                                 "classifier.bias"});
  const Model<Distilbert<float>, Method<>, Tag> tagger(backbone, {}, Tag{5});
  CHECK(names(tagger) == std::vector<std::string>{"classifier.weight", "classifier.bias"});
  CHECK_FALSE(tagger.head_from_checkpoint());  // that is a sequence classifier's
}
