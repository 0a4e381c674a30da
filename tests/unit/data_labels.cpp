// SPDX-License-Identifier: Apache-2.0
// Classes are matched by their names.
#include <peft/data/glue.hpp>
#include <peft/data/label_order.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "data_temporary.hpp"

using By = peft::LabelOrder::By;
using Names = std::vector<std::string>;
using Places = std::vector<std::int32_t>;
using peft::label_order;

TEST_CASE("Classes stand where the head has their names", "[data]") {
  const auto mnli = peft::glue_task("mnli").labels;
  const auto order = label_order({"CONTRADICTION", "NEUTRAL", "ENTAILMENT"}, mnli);
  CHECK(order.by == By::Names);
  CHECK(order.places == Places{2, 1, 0});
  CHECK(order.names == Names{"contradiction", "neutral", "entailment"});  // as the data spell them
  CHECK_FALSE(order.keeps_order());
  CHECK(label_order(mnli, mnli).keeps_order());
  CHECK(label_order({"Not Entailment", "Entailment"}, {"entailment", "not_entailment"}).places == Places{1, 0});
  CHECK(label_order({"not-equivalent", "EQUIVALENT"}, {"not_equivalent", "equivalent"}).places == Places{0, 1});
  CHECK(label_order({"ÄRGER", "freude"}, {"Freude", "ärger"}).places == Places{1, 0});
  CHECK(label_order({"B-PER", "O", "I-PER"}, {"O", "B-PER", "I-PER"}).places == Places{1, 0, 2});
}

TEST_CASE("Names that only case tells apart are taken as they are", "[data]") {
  CHECK(label_order({"a", "A", "b"}, {"A", "b", "a"}).places == Places{1, 2, 0});
  CHECK(label_order({"x-y", "xy"}, {"xy", "x y"}).by == By::Both);  // "x y" is not guessed to be "x-y"
  CHECK(label_order({"x-y", "xy"}, {"xy", "x y"}).places == Places{1, 0});
}

TEST_CASE("Classes without a name in common keep their order", "[data]") {
  const auto unnamed = label_order({"LABEL_0", "LABEL_1"}, {"ham", "spam"});
  CHECK(unnamed.by == By::Numbers);
  CHECK(unnamed.names == Names{"ham", "spam"});
  const auto ids = label_order({"negative", "positive"}, {"0", "1"});
  CHECK(ids.by == By::Numbers);
  CHECK(ids.names == Names{"negative", "positive"});  // ids are those of the head's classes
  CHECK(label_order({"LABEL_0", "LABEL_1"}, {"0", "1"}).names == Names{"0", "1"});
  const auto values = label_order({"no", "yes"}, {"3", "7"});  // not ids: two values that occur
  CHECK(values.names == Names{"3", "7"});
  CHECK(label_order({"7", "3"}, {"3", "7"}).places == Places{1, 0});
}

TEST_CASE("Some names in common: these by name, the others one after the other", "[data]") {
  const auto order =
      label_order({"contradict", "neutral", "entailment", "other"}, {"entailment", "neutral", "contradiction", "rest"});
  CHECK(order.by == By::Both);
  CHECK(order.places == Places{2, 1, 0, 3});
  CHECK(order.names == Names{"contradiction", "neutral", "entailment", "rest"});
}

TEST_CASE("A head of another number of classes is not theirs", "[data]") {
  for (const auto& head : {Names{}, Names{"a"}, Names{"a", "b", "c"}, Names{"LABEL_0", "LABEL_1", "LABEL_2"}}) {
    const auto order = label_order(head, {"b", "a"});
    CHECK(order.by == By::Data);
    CHECK(order.names == Names{"b", "a"});
    CHECK(order.places == Places{0, 1});
  }
  // Unless it may have more.
  CHECK(label_order({"A", "c", "b"}, {"b", "a"}, true).names == Names{"a", "c", "b"});
  CHECK(label_order({"A", "c", "b"}, {"b", "a"}, true).places == Places{2, 0});
  CHECK(label_order({"a", "b", "c"}, {"b", "d"}, true).by == By::Data);
  CHECK(label_order({"LABEL_0", "LABEL_1", "LABEL_2"}, {"b", "d"}, true).by == By::Data);
  CHECK(label_order({"no", "maybe", "yes"}, {"0", "1"}, true).names == Names{"no", "maybe", "yes"});  // ids that occur
  CHECK(label_order({"a"}, {}).by == By::Data);  // a score
}

TEST_CASE("Names that are numbers", "[data]") {
  CHECK(peft::labels_are_numbers({"0", "1", "2"}));
  CHECK(peft::labels_are_numbers({"LABEL_0", "LABEL_1"}));
  CHECK_FALSE(peft::labels_are_numbers({"1", "2"}));
  CHECK_FALSE(peft::labels_are_numbers({"LABEL_1", "LABEL_0"}));
  CHECK_FALSE(peft::labels_are_numbers({"no", "yes"}));
}

TEST_CASE("Data take the order of a head", "[data]") {
  peft::Dataset data;
  data.label_names = {"a", "b", "c"};
  data.examples = {{"x", "", 0}, {"y", "", 2}};
  const auto order = label_order({"c", "b", "a"}, data.label_names);
  peft::reorder_labels(data, order);
  CHECK(data.label_names == Names{"c", "b", "a"});
  CHECK(data.examples[0].target == 2);
  CHECK(data.examples[1].target == 0);

  peft::Dataset words;
  words.tagged = true;
  words.label_names = {"O", "B-X", "I-X"};
  words.tags = {{0, 1, -1}, {2}};
  words.examples = {{"p q r", "", 0}, {"s", "", 0}};
  peft::reorder_labels(words, label_order({"B-X", "I-X", "O"}, words.label_names));
  CHECK(words.tags == std::vector<Places>{{2, 0, -1}, {1}});

  peft::Dataset unlabelled;
  unlabelled.source = "test.csv";
  unlabelled.labelled = false;
  unlabelled.label_names = {"a", "b", "c"};
  unlabelled.examples = {{"x", "", 0}};
  peft::reorder_labels(unlabelled, order);
  CHECK(unlabelled.examples[0].target == 0);
  CHECK(missing_in_error([&] { peft::reorder_labels(words, label_order({}, {"a"})); }, {"3 classes", "ordered as 1"}) ==
        "");
}
