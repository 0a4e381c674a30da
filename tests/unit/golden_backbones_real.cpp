// SPDX-License-Identifier: Apache-2.0
#include <peft/io/json.hpp>
#include <peft/model/deberta.hpp>
#include <peft/model/generate.hpp>
#include <peft/model/gpt2.hpp>
#include <peft/model/llama.hpp>
#include <peft/model/roberta.hpp>
#include <peft/model/t5.hpp>
#include <peft/task/language_model.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include "golden.hpp"

using namespace peft;

// Downloaded checkpoints against `tests/golden/backbones/write.py --real`. Two variables say where they are:
// PEFT_GOLDEN_BACKBONES, the folder that it wrote, and PEFT_GOLDEN_MODELS, that of the checkpoints.

namespace {

struct Place {
  std::filesystem::path golden, model;
};
/// Nothing where the checkpoint or its numbers are not there, after a word about it.
std::optional<Place> place_of(const std::string& name) {
  const char *golden = std::getenv("PEFT_GOLDEN_BACKBONES"), *models = std::getenv("PEFT_GOLDEN_MODELS");
  if (golden != nullptr && models != nullptr) {
    Place place{std::filesystem::path(golden) / name, std::filesystem::path(models) / name};
    if (std::filesystem::exists(place.golden.string() + ".safetensors") &&
        std::filesystem::exists(place.model / "config.json"))
      return place;
  }
  std::cout << "skipped: " << name << " against transformers (scripts/test --peer)\n";
  return {};
}
Batch batch_of(const SafeTensors& file) {
  Batch b;
  b.offsets = file.at("batch.offsets").values<std::int32_t>();
  b.ids = file.at("batch.ids").values<std::int32_t>();
  b.types.assign(b.ids.size(), 0);
  b.slots.assign(b.ids.size(), -1);
  if (file.find("batch.decoder_ids") != nullptr) {
    b.decoder_offsets = file.at("batch.decoder_offsets").values<std::int32_t>();
    b.decoder_ids = file.at("batch.decoder_ids").values<std::int32_t>();
  }
  for (int i = 0; i < b.sequences(); ++i) b.examples.push_back(i);
  return b;
}

template <class Backbone>
void classifies(const std::string& name) {
  const auto place = place_of(name);
  if (!place) return;
  const SafeTensors file = SafeTensors::open(place->golden.string() + ".safetensors");
  const auto wanted = file.at("logits").values<double>();
  const Batch batch = batch_of(file);
  Model<Backbone, Method<>> model(Backbone::open(place->model), {},
                                  Classify{static_cast<int>(wanted.size()) / batch.sequences()});
  REQUIRE(model.head_from_checkpoint());
  Engine engine(model, 2);
  const double d = golden::difference(engine.predict(batch), wanted, 0.1);
  CHECK(d < 1e-4);
  std::cout << name << ": logits differ by " << d << " of their largest\n";
}

/// Logits of each sequence's last row: some columns, the likeliest word, and log-sum-exp.
template <class M>
void check_last_rows(const M& model, Engine<M>& engine, const std::string& name, const SafeTensors& file) {
  const Batch batch = batch_of(file);
  const auto& offsets = M::Backbone::spec.cross ? batch.decoder_offsets : batch.offsets;
  const auto all = engine.predict(batch);
  const auto columns = file.at("columns").template values<std::int32_t>(),
             likeliest = file.at("argmax").template values<std::int32_t>();
  const std::size_t words = model.outputs();
  std::vector<double> some, sums;
  for (int s = 0; s < batch.sequences(); ++s) {
    const auto row = std::span(all).subspan(static_cast<std::size_t>(offsets[s + 1] - 1) * words, words);
    for (const int c : columns) some.push_back(row[static_cast<std::size_t>(c)]);
    sums.push_back(log_sum_exp(std::span<const typename M::T>(row)));
    CHECK(std::max_element(row.begin(), row.end()) - row.begin() == likeliest[static_cast<std::size_t>(s)]);
  }
  const double logits = golden::difference(some, file.at("logits").template values<double>(), 0.1),
               sum = golden::difference(sums, file.at("logsumexp").template values<double>(), 0.1);
  CHECK(logits < 1e-4);
  CHECK(sum < 1e-4);
  std::cout << name << ": logits differ by " << logits << " of their largest, log-sum-exp by " << sum << "\n";
}

template <class Backbone>
void writes(const std::string& name) {
  const auto place = place_of(name);
  if (!place) return;
  using M = Model<Backbone, Method<>, LanguageModel>;
  M model(Backbone::open(place->model), {}, {});
  Engine<M> engine(model, 2);
  check_last_rows(model, engine, name, SafeTensors::open(place->golden.string() + ".safetensors"));
  const auto all = parse_json_file(place->golden.string() + ".json");
  if (!all.contains("runs")) return;
  const auto prompts = all["prompt_ids"].template get<std::vector<std::vector<std::int32_t>>>();
  Generator<M> generator(model);
  for (const auto& run : all["runs"]) {
    GenerateOptions options;
    options.max_new_tokens = all["max_new_tokens"].template get<int>();
    options.beams = run["num_beams"].template get<int>();
    options.length_penalty = run["length_penalty"].template get<double>();
    options.early_stopping = run["early_stopping"].template get<bool>();
    options.eos = {all["eos"].template get<int>()};
    const auto wanted = run["outputs"].template get<std::vector<std::vector<std::int32_t>>>();
    const auto begin = std::chrono::steady_clock::now();
    const auto made = generator(prompts, options).ids;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    REQUIRE(made.size() == wanted.size());
    std::size_t tokens = 0, same = 0;
    for (std::size_t i = 0; i < made.size(); ++i) {
      INFO("prompt " << i);
      tokens += made[i].size();
      same += made[i] == wanted[i];
      CHECK(made[i] == wanted[i]);
    }
    std::cout << name << ", " << run["name"].template get<std::string>() << ": " << same << " of " << made.size()
              << " texts are the same; " << tokens << " tokens in " << seconds << " s\n";
  }
}

}  // namespace

TEST_CASE("RoBERTa's real checkpoint follows transformers", "[golden][real]") {
  classifies<Roberta<float>>("roberta-l6-h384-question");
}

TEST_CASE("DeBERTa's real checkpoint follows transformers", "[golden][real]") {
  classifies<Deberta<float>>("deberta-v2-l12-h384-prompt-guard");
}

TEST_CASE("GPT-2's real checkpoint follows transformers", "[golden][real]") {
  writes<Gpt2<float>>("gpt2-l8-h256-microbiome");
}

TEST_CASE("Llama's real checkpoint follows transformers, and writes what it writes", "[golden][real]") {
  writes<Llama<float>>("smollm2-135m-instruct");
}

TEST_CASE("T5's real checkpoint follows transformers, and writes what it writes", "[golden][real]") {
  writes<T5<float>>("flan-t5-small-titles");
}
