// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/json.hpp>
#include <peft/model/generate.hpp>
#include <peft/task/language_model.hpp>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "golden.hpp"

/// What transformers' generate has written on a tiny checkpoint (generate.json), with a method attached.
namespace golden {

/// Every run of the file that `method_file` belongs to.
inline void check_runs(const char* checkpoint, const std::string& method_file,
                       const std::function<peft::Generated(const std::vector<std::vector<std::int32_t>>&,
                                                           const peft::GenerateOptions&)>& generate) {
  using namespace peft;
  const auto all = parse_json_file(folder(checkpoint) / "generate.json");
  const auto prompts = all["prompts"].get<std::vector<std::vector<std::int32_t>>>();
  int runs = 0;
  for (const auto& run : all["runs"]) {
    if (run.value("method", std::string()) != method_file) continue;
    ++runs;
    INFO(checkpoint << ", " << run["name"].get<std::string>());
    GenerateOptions options;
    options.max_new_tokens = all["max_new_tokens"].get<int>();
    options.beams = run["num_beams"].get<int>();
    options.length_penalty = run["length_penalty"].get<double>();
    options.early_stopping = run["early_stopping"].get<bool>();
    if (!run["eos"].is_null()) options.eos = {run["eos"].get<int>()};
    const auto wanted = run["outputs"].get<std::vector<std::vector<std::int32_t>>>();
    for (const int at_a_time : {16, 4, 1}) {
      options.prompts = at_a_time;
      const Generated made = generate(prompts, options);
      CHECK(made.ids == wanted);
      REQUIRE(made.scores.size() == (options.beams > 1 ? prompts.size() : 0));
      for (std::size_t i = 0; i < made.scores.size(); ++i)
        CHECK(std::abs(made.scores[i] - run["scores"][i].get<double>()) < 1e-5);
    }
  }
  CHECK(runs >= 3);
}

template <class Backbone, class Method = peft::Method<>>
void writes(const char* checkpoint, const std::string& method_file = "", Method method = {}) {
  using namespace peft;
  using M = Model<Backbone, Method, LanguageModel>;
  M model(Backbone::open(folder(checkpoint)), method, LanguageModel{});
  if (!method_file.empty()) {
    const SafeTensors file = SafeTensors::open(folder(checkpoint) / method_file);
    for (const Field& f : model.layout().fields())
      if (f.role == Role::trained) {
        const auto values = reference(file, "init.", f, model.backbone().store().transposed(f.name));
        model.write(f, std::vector<typename M::T>(values.begin(), values.end()));
      }
  }
  Engine<M> engine(model, 1);
  engine.prepare();
  Generator<M> generator(model);
  check_runs(checkpoint, method_file, std::ref(generator));
}

}  // namespace golden
