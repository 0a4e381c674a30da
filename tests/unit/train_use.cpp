// SPDX-License-Identifier: Apache-2.0
// A user's calls: data from memory, training with a dev set, scores, a label by its name, and a saved model again.
#include <peft/delta/lora.hpp>
#include <peft/model/bert.hpp>
#include <peft/train/use.hpp>

#include "catch.hpp"
#include "unit/io_temporary.hpp"

using namespace peft;

TEST_CASE("texts and labels from memory are trained on, scored, saved, loaded and asked for a label") {
  const auto backbone = Bert<>::open(PEFT_TEST_DATA "/tiny-bert");
  const auto tokenizer = Tokenizer::open(PEFT_TEST_DATA "/tiny-bert");
  const Dataset data({"a good film", "a bad film", "good", "bad"}, {"yes", "no", "yes", "no"});
  CHECK(data.label_names == std::vector<std::string>{"no", "yes"});
  const Dataset more({"so good"}, {"yes"}, &data);
  CHECK(more.examples[0].target == 1);
  CHECK_THROWS_WITH(Dataset({"so"}, {"perhaps"}, &data), ContainsSubstring("perhaps"));
  CHECK_THROWS_WITH(Dataset({"so"}, {}), ContainsSubstring("1 texts and 0 labels"));

  Model model(backbone, LoRA<2>{.alpha = 32}, Classify{.labels = data.outputs()});
  const Tokenized rows(data, tokenizer, {});
  const History history = fit(model, Loader(rows, {.batch = 2}), rows, {.epochs = 3, .lr = 1e-2});
  CHECK(history.epochs.size() == 3);
  const auto scores = evaluate(model, rows);
  CHECK(scores.main == history.epochs.back().dev.main);

  const Temporary folder;
  save(model, folder.path());
  const auto again = load<Method<Delta<LoRA<2>>>>(backbone, folder.path());
  CHECK(again.model->attached().delta<0>().alpha_of(again.model->attached().placement(0).modules[0]) == 32);
  for (const char* text : {"a good film", "bad"}) {
    const Prediction wanted = predict(model, tokenizer, text, data.label_names);
    CHECK(again.predict(tokenizer, text).probabilities == wanted.probabilities);
    CHECK(wanted.label == data.label_names[wanted.index]);
    CHECK(std::abs(wanted.probabilities[0] + wanted.probabilities[1] - 1) < 1e-12);
  }
  CHECK_THROWS_WITH(predict(model, tokenizer, "so", {"one"}), ContainsSubstring("1 names of classes for a head of 2"));
}
