// SPDX-License-Identifier: Apache-2.0
#include <peft/data/glue_text.hpp>
#include <peft/data/pair_dataset.hpp>
#include <peft/data/read_e2e.hpp>
#include <peft/data/read_glue_pairs.hpp>
#include <peft/data/read_pairs.hpp>
#include <peft/task/metric/accuracy.hpp>

#include <cmath>
#include <string>
#include <vector>

#include "catch.hpp"
#include "data_temporary.hpp"

using namespace peft;

namespace {

constexpr std::string_view e2e =
    "\"mr\",\"ref\"\n"
    "\"name[Blue Spice], area[riverside]\",\"At the riverside, there is \"\"Blue Spice\"\".\"\n"
    "\"name[Blue Spice], area[riverside]\",Blue Spice is by the river.\n"
    "name[Aromi],Aromi is a caf\xC3\xA9.\n"
    "\"name[Blue Spice], area[riverside]\",A third one.\n";

}  // namespace

TEST_CASE("E2E: rows to train on, groups to evaluate", "[data]") {
  const Folder folder{{"devset.csv", e2e}, {"e2e/trainset.csv", "mr,ref\na[b],c\n"}};
  const PairDataset rows = read_e2e(folder, "dev");
  CHECK(rows.split == "dev");
  CHECK(rows.labelled);
  REQUIRE(rows.pairs.size() == 4);
  CHECK(rows.pairs[0].source == "name[Blue Spice], area[riverside]");
  CHECK(rows.pairs[0].target == "At the riverside, there is \"Blue Spice\".");
  CHECK(rows.pairs[0].references.empty());
  CHECK(read_e2e(folder, "train").pairs.size() == 1);

  const PairDataset groups = group_by_source(rows);
  REQUIRE(groups.pairs.size() == 2);
  CHECK(groups.pairs[0].target == rows.pairs[0].target);
  CHECK(groups.pairs[0].references ==
        std::vector<std::string>{rows.pairs[0].target, "Blue Spice is by the river.", "A third one."});
  CHECK(groups.pairs[1].references == std::vector<std::string>{"Aromi is a caf\xC3\xA9."});
  CHECK(group_by_source(groups).pairs[0].references == groups.pairs[0].references);  // once is enough

  CHECK(missing_in_error([&] { read_e2e(folder, "test"); }, {"test split", "testset_w_refs.csv"}) == "");
  CHECK(missing_in_error([&] { read_e2e(folder, "valid"); }, {"\"valid\"", "\"dev\""}) == "");
}

TEST_CASE("pairs from columns with names, and what is malformed", "[data]") {
  const Folder folder{{"train.csv", "id,target,source\n1,kurz,long text\n2,k,l\n"},
                      {"test.csv", "source\none\n"},
                      {"none.csv", "source,target\n"},
                      {"blank.csv", "source,target\na,b\nc,\n"},
                      {"void.csv", "source,target\n,b\n"},
                      {"short.csv", "source,target\na,b\nc\n"},
                      {"empty.csv", ""}};
  const PairDataset data = read_pairs(folder, "train");
  REQUIRE(data.pairs.size() == 2);
  CHECK(data.pairs[0].source == "long text");
  CHECK(data.pairs[0].target == "kurz");
  CHECK(read_pairs(folder, "train", {"target", "source"}).pairs[1].source == "k");
  CHECK(!read_pairs(folder, "test", {}, Labels::Optional).labelled);
  CHECK(read_pairs(folder, "test", {}, Labels::Optional).pairs[0].source == "one");
  CHECK(missing_in_error([&] { read_pairs(folder, "test"); }, {"test.csv", "\"target\"", "\"source\""}) == "");
  CHECK(missing_in_error([&] { read_pairs(folder, "train", {"text", "target"}); }, {"train.csv, line 1", "\"text\""}) ==
        "");
  CHECK(missing_in_error([&] { read_pairs(folder, "none"); }, {"none.csv", "no pairs"}) == "");
  CHECK(missing_in_error([&] { read_pairs(folder, "blank"); }, {"blank.csv, line 3", "\"target\""}) == "");
  CHECK(missing_in_error([&] { read_pairs(folder, "void"); }, {"void.csv, line 2", "\"source\""}) == "");
  CHECK(missing_in_error([&] { read_pairs(folder, "short"); }, {"short.csv, line 3", "1 fields, 2"}) == "");
  CHECK(missing_in_error([&] { read_pairs(folder, "empty"); }, {"empty.csv", "empty"}) == "");
  CHECK(missing_in_error([&] { read_pairs(folder, "dev"); }, {"the dev split", "dev, valid", ".csv"}) == "");
}

TEST_CASE("GLUE in T5's words", "[data]") {
  const Example pair{"One.", "Two?", 0};
  CHECK(glue_text("sst2").source({"a film", "", 0}) == "sst2 sentence: a film");
  CHECK(glue_text("CoLA").source({"a film", "", 0}) == "cola sentence: a film");
  CHECK(glue_text("mrpc").source(pair) == "mrpc sentence1: One. sentence2: Two?");
  CHECK(glue_text("rte").source(pair) == "rte sentence1: One. sentence2: Two?");
  CHECK(glue_text("STS-B").source(pair) == "stsb sentence1: One. sentence2: Two?");
  CHECK(glue_text("wnli").source(pair) == "wnli sentence1: One. sentence2: Two?");
  CHECK(glue_text("qnli").source(pair) == "qnli question: One. sentence: Two?");
  CHECK(glue_text("qqp").source(pair) == "qqp question1: One. question2: Two?");
  CHECK(glue_text("mnli").source(pair) ==
        "mnli hypothesis: Two? premise: One.");  // the premise is the file's sentence1
  CHECK(glue_text("rte").target(1) == "not_entailment");
  CHECK(glue_text("mrpc").target(1) == "equivalent");
  CHECK(glue_text("qqp").target(0) == "not_duplicate");
  CHECK(missing_in_error([] { glue_text("rte").target(2); }, {"rte", "2"}) == "");
  CHECK(missing_in_error([] { glue_text("rte").target(-1); }, {"rte", "-1"}) == "");
  CHECK(missing_in_error([] { glue_text("boolq"); }, {"boolq", "mnli"}) == "");
}

TEST_CASE("GLUE in words of one's own", "[data]") {
  CHECK(glue_text("sst2", "Is this good or bad? {sentence}").source({"a {film}", "", 0}) ==
        "Is this good or bad? a {film}");
  CHECK(glue_text("mnli", "{hypothesis}\nfollows from {premise}; {hypothesis}?").source({"A.", "{premise}", 0}) ==
        "{premise}\nfollows from A.; {premise}?");
  CHECK(glue_text("qnli", "{sentence}{question}").source({"Q?", "S.", 0}) == "S.Q?");
  CHECK(missing_in_error([] { glue_text("sst2", "Good or bad?"); }, {"Good or bad?", "lacks {sentence}"}) == "");
  CHECK(missing_in_error([] { glue_text("rte", "{sentence1}"); }, {"lacks {sentence2}"}) == "");
  CHECK(missing_in_error([] { glue_text("sst2", "{sentence} {}"); }, {"{}", "sst2 has {sentence}"}) == "");
  CHECK(missing_in_error([] { glue_text("qqp", "{question1} {sentence}"); },
                         {"{sentence}", "qqp has {question1} and {question2}"}) == "");
  CHECK(missing_in_error([] { glue_text("sst2", "{sentence} {"); }, {"nothing closes"}) == "");
}

TEST_CASE("scores are rounded to a fifth, halves to the even one", "[data]") {
  const GlueText stsb = glue_text("stsb");
  for (const auto& [score, text] : {std::pair(0., "0.0"),
                                    {5., "5.0"},
                                    {3.8, "3.8"},
                                    {2.75, "2.8"},
                                    {3.68, "3.6"},
                                    {3.71, "3.8"},
                                    {0.09, "0.0"},
                                    {2.5, "2.4"},
                                    {2.7, "2.8"},
                                    {4.95, "5.0"}}) {
    INFO(score);
    CHECK(stsb.target(score) == text);
  }
  CHECK(stsb.answer("3.8") == 3.8);
  CHECK(stsb.answer(" 4\n") == 4);
  for (const char* text : {"", " ", "3.8.", "three", "nan", "inf", "3,8"}) CHECK(stsb.answer(text) == -1);
}

TEST_CASE("what a model has written, back as a class", "[data]") {
  for (const char* name : {"sst2", "cola", "mrpc", "rte", "qnli", "mnli", "qqp", "wnli"}) {
    const GlueText text = glue_text(name);
    for (std::size_t k = 0; k < text.task.labels.size(); ++k) {
      const auto label = static_cast<double>(k);
      CHECK(text.answer(text.target(label)) == label);
      CHECK(text.answer(" " + text.target(label) + " \n") == label);
      CHECK(std::isnan(text.answer(text.target(label) + ".")));
    }
    for (const char* other : {"", "  ", "0", "Positive", "not"}) CHECK(std::isnan(text.answer(other)));
  }
  // A text without a class is wrong.
  const GlueText sst2 = glue_text("sst2");
  const std::vector<double> predictions{sst2.answer("positive"), sst2.answer("great"), sst2.answer("negative")},
      targets{1, 1, 1};
  CHECK(metric::accuracy(predictions, targets) == 1. / 3);
}

TEST_CASE("GLUE files as text pairs", "[data]") {
  const Folder folder{
      {"RTE/train.tsv", "index\tsentence1\tsentence2\tlabel\n0\tA b.\tC.\tnot_entailment\n1\tD.\tE.\tentailment\n"},
      {"RTE/test.tsv", "index\tsentence1\tsentence2\n0\tA b.\tC.\n"},
      {"RTE/dev.tsv", "index\tsentence1\tsentence2\tlabel\n0\tA b.\tC.\tmaybe\n"}};
  const PairDataset data = read_glue_pairs(glue_text("rte"), folder, "train");
  REQUIRE(data.pairs.size() == 2);
  CHECK(data.pairs[0].source == "rte sentence1: A b. sentence2: C.");
  CHECK(data.pairs[0].target == "not_entailment");
  CHECK(data.labels == std::vector<double>{1, 0});
  CHECK(data.split == "train");
  const PairDataset test = read_glue_pairs(glue_text("rte"), folder, "test", Labels::Optional);
  CHECK(!test.labelled);
  CHECK(test.labels.empty());
  CHECK(test.pairs[0].target.empty());
  CHECK(missing_in_error([&] { read_glue_pairs(glue_text("rte"), folder, "test"); }, {"test.tsv", "label"}) == "");
  CHECK(missing_in_error([&] { read_glue_pairs(glue_text("rte"), folder, "dev"); }, {"dev.tsv, line 2", "maybe"}) ==
        "");
}
