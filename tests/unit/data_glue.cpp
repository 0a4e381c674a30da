// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <filesystem>
#include <peft/data/glue.hpp>
#include <peft/data/read_task.hpp>
#include <peft/data/split_files.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "data_temporary.hpp"

using peft::Labels;
using peft::read_task;

namespace {

std::vector<double> targets(const peft::Dataset& data) {
  std::vector<double> out;
  for (const auto& example : data.examples) out.push_back(example.target);
  return out;
}

}  // namespace

TEST_CASE("SST-2: sentence and label; the test split has an index instead", "[data]") {
  const Folder folder{{"SST-2/train.tsv", "sentence\tlabel\nhide new secretions \t0\n\"a quote , \t1\n"},
                      {"SST-2/dev.tsv", "sentence\tlabel\nit 's a charming journey . \t1"},
                      {"SST-2/test.tsv", "index\tsentence\n0\tuneasy mishmash .\n1\tthis film .\n"}};
  const auto train = read_task("sst2", folder, "train");
  REQUIRE(train.examples.size() == 2);
  CHECK(train.examples[0].a == "hide new secretions ");
  CHECK(train.examples[1].a == "\"a quote , ");
  CHECK(train.examples[1].b.empty());
  CHECK(targets(train) == std::vector<double>{0, 1});
  CHECK(train.label_names == std::vector<std::string>{"negative", "positive"});
  CHECK(train.outputs() == 2);
  CHECK_FALSE(train.pairs);
  CHECK(read_task("SST-2", folder.path() / "SST-2", "dev").examples.at(0).target == 1);

  CHECK(missing_in_error([&] { read_task("sst2", folder, "test"); }, {"test.tsv", "no labels", "sst2", "\"label\""}) ==
        "");
  const auto test = read_task("sst2", folder, "test", Labels::Optional);
  CHECK_FALSE(test.labelled);
  CHECK(test.examples.at(1).a == "this film .");
}

TEST_CASE("CoLA: no header, but one in the test split", "[data]") {
  const Folder folder{{"train.tsv", "gj04\t1\t\tOur friends won't buy this.\ncj99\t0\t*\tAs you eat the most.\n"},
                      {"dev.tsv", "gj04\t1\t\tThe sailors rode the breeze."},
                      {"test.tsv", "index\tsentence\n0\tBill whistled past the house.\n"}};
  const auto train = read_task("cola", folder, "train");
  REQUIRE(train.examples.size() == 2);
  CHECK(train.examples[0].a == "Our friends won't buy this.");
  CHECK(targets(train) == std::vector<double>{1, 0});
  CHECK(read_task("cola", folder, "dev").examples.size() == 1);
  CHECK(read_task("cola", folder, "test", Labels::Optional).examples.at(0).a == "Bill whistled past the house.");
}

TEST_CASE("MRPC: GLUE's files and Microsoft's, which have a byte order mark and CRLF", "[data]") {
  const std::string header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String";
  const Folder glue{{"train.tsv", header + "\n1\t702876\t702977\tAmrozi accused \"his brother.\tReferring to him.\n"},
                    {"test.tsv", "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t1\t2\tPCCW 's chief\tCurrent chief\n"}};
  const auto train = read_task("mrpc", glue, "train");
  CHECK(train.examples.at(0).a == "Amrozi accused \"his brother.");
  CHECK(train.examples.at(0).b == "Referring to him.");
  CHECK(train.examples.at(0).target == 1);
  CHECK(train.pairs);
  CHECK(read_task("mrpc", glue, "test", Labels::Optional).examples.at(0).b == "Current chief");
  CHECK(missing_in_error([&] { read_task("mrpc", glue, "dev"); },
                         {"dev split of mrpc", "dev.tsv", "msr_paraphrase_test.txt", "MRPC"}) == "");

  const Folder microsoft{{"msr_paraphrase_train.txt", "\xEF\xBB\xBF" + header + "\r\n0\t1\t2\tOne.\tTwo.\r\n"},
                         {"msr_paraphrase_test.txt", "\xEF\xBB\xBF" + header + "\r\n1\t1\t2\tThree.\tFour.\r\n"}};
  CHECK(read_task("mrpc", microsoft, "train").examples.at(0).b == "Two.");
  CHECK(targets(read_task("mrpc", microsoft, "dev")) == std::vector<double>{1});
  CHECK(targets(read_task("mrpc", microsoft, "test")) == std::vector<double>{1});
}

TEST_CASE("RTE: named labels", "[data]") {
  const Folder folder{{"train.tsv",
                       "index\tsentence1\tsentence2\tlabel\n0\tNo weapons found.\tWeapons found.\tnot_entailment\n"
                       "1\tA place of sorrow.\tA place.\tentailment\n"}};
  const auto train = read_task("rte", folder, "train");
  CHECK(targets(train) == std::vector<double>{1, 0});
  CHECK(train.examples.at(1).b == "A place.");
}

TEST_CASE("STS-B: scores from 0 to 5", "[data]") {
  const std::string header = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2";
  const std::string row = "\n0\tmain-captions\tMSRvid\t2012test\t0001\tnone\tnone\tA \"plane takes off.\tAn air plane.";
  const Folder folder{{"train.tsv", header + "\tscore" + row + "\t5.000" + row + "\t3.8\n"},
                      {"test.tsv", header + row}};
  const auto train = read_task("sts-b", folder, "train");
  CHECK(targets(train) == std::vector<double>{5, 3.8});
  CHECK(train.examples.at(0).a == "A \"plane takes off.");
  CHECK(train.regression);
  CHECK(train.outputs() == 1);
  CHECK(train.label_names.empty());
  CHECK_FALSE(read_task("stsb", folder, "test", Labels::Optional).labelled);
  const auto reads = [&] { read_task("stsb", folder, "train"); };
  folder.put("train.tsv", header + "\tscore" + row + "\t5.1\n");
  CHECK(missing_in_error(reads, {"train.tsv, line 2", "\"score\"", "5.1", "out of range", "from 0 to 5"}) == "");
  folder.put("train.tsv", header + "\tscore" + row + "\tnan\n");
  CHECK(missing_in_error(reads, {"line 2", "\"nan\"", "not a number"}) == "");
  folder.put("train.tsv", header + "\tscore" + row + "\t1" + row + "\t\n");
  CHECK(missing_in_error(reads, {"line 3", "\"\" is not a number"}) == "");
}

TEST_CASE("QNLI: a question and a sentence", "[data]") {
  const Folder folder{
      {"dev.tsv", "index\tquestion\tsentence\tlabel\n0\tWhat came into force?\tAs of that day.\tentailment\n"}};
  const auto dev = read_task("qnli", folder, "dev");
  CHECK(dev.examples.at(0).a == "What came into force?");
  CHECK(dev.examples.at(0).b == "As of that day.");
  CHECK(targets(dev) == std::vector<double>{0});
}

TEST_CASE("MNLI: two dev sets, with more columns than the training set", "[data]") {
  const std::string parses =
      "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\t"
      "sentence2_parse\tsentence1\tsentence2";
  const std::string row =
      "\n0\t63735\t63735n\tslate\t( a )\t( b )\t(ROOT a)\t(ROOT b)\tThe new rights\tEveryone likes them";
  const std::string dev = parses + "\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label" + row +
                          "\tneutral\tneutral\tneutral\t"
                          "neutral\tentailment\t";
  const Folder folder{{"MNLI/train.tsv", parses + "\tlabel1\tgold_label" + row + "\tneutral\tcontradiction"},
                      {"MNLI/dev_matched.tsv", dev + "neutral\n"},
                      {"MNLI/dev_mismatched.tsv", dev + "entailment\n"},
                      {"MNLI/test_matched.tsv", parses + row}};
  const auto train = read_task("mnli", folder, "train");
  CHECK(train.examples.at(0).a == "The new rights");
  CHECK(train.examples.at(0).b == "Everyone likes them");
  CHECK(targets(train) == std::vector<double>{2});
  CHECK(train.outputs() == 3);
  CHECK(targets(read_task("mnli", folder, "dev")) == std::vector<double>{1});
  CHECK(targets(read_task("mnli", folder, "dev_matched")) == std::vector<double>{1});
  CHECK(targets(read_task("mnli", folder, "dev_mismatched")) == std::vector<double>{0});
  CHECK(read_task("mnli", folder, "test", Labels::Optional).examples.size() == 1);
  CHECK(missing_in_error([&] { read_task("mnli", folder, "validation"); },
                         {"mnli", "\"validation\"", "dev_mismatched"}) == "");
  CHECK(missing_in_error([&] { read_task("rte", folder, "dev_mismatched"); }, {"rte has no split"}) == "");
}

TEST_CASE("QQP: the broken lines of its official file are left out and counted", "[data]") {
  const std::string header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n";
  const Folder folder{{"train.tsv", header + "1\t2\t3\tHow is life?\tWhat is life?\t0\n4\t5\t6\tHow does\nit end?\t1\n"
                                             "7\t8\t9\tIs it?\t\t1\n"},
                      {"test.tsv", "id\tquestion1\tquestion2\n0\tWould it?\tIs it?\n"}};
  const auto train = read_task("qqp", folder, "train");
  CHECK(targets(train) == std::vector<double>{0, 1});
  CHECK(train.skipped == 2);
  CHECK(train.pairs);  // though the second question of the last one is empty
  CHECK(train.examples.at(1).b.empty());
  CHECK(read_task("qqp", folder, "test", Labels::Optional).examples.at(0).a == "Would it?");
}

TEST_CASE("WNLI: numbered labels", "[data]") {
  const Folder folder{
      {"train.tsv", "index\tsentence1\tsentence2\tlabel\n0\tI stuck a pin.\tThe carrot had a hole.\t1\n"}};
  const auto train = read_task("wnli", folder, "train");
  CHECK(targets(train) == std::vector<double>{1});
  CHECK(train.label_names == std::vector<std::string>{"not_entailment", "entailment"});
}

TEST_CASE("Malformed GLUE files: the error names file, line and column", "[data]") {
  const Folder folder;
  const auto refused = [&](std::string_view text, std::initializer_list<std::string_view> parts,
                           const char* task = "sst2") {
    folder.put("train.tsv", text);
    return missing_in_error([&] { read_task(task, folder, "train"); }, parts);
  };
  CHECK(refused("", {"train.tsv", "empty", "header"}) == "");
  CHECK(refused("\n\n", {"train.tsv", "empty"}) == "");
  CHECK(refused("sentence\tlabel\n", {"train.tsv", "no examples"}) == "");
  CHECK(refused("words\tlabel\na\t1\n", {"train.tsv, line 1", "\"words\", \"label\""}) == "");
  CHECK(refused("sentence\tlabel\tlabel\na\t1\t1\n", {"line 1", "\"label\" appears twice"}) == "");
  CHECK(refused("sentence\tlabel\na\t1\nb\n",
                {"train.tsv, line 3", "1 fields", "2 were expected", "\"sentence\", \"label\""}) == "");
  CHECK(refused("sentence\tlabel\na\tb\t1\n", {"line 2", "3 fields, 2"}) == "");
  CHECK(refused("sentence\tlabel\na\t1\n\nb\t0\n", {"line 3", "1 fields"}) == "");
  CHECK(refused("sentence\tlabel\na\t2\n", {"line 2, column \"label\"", "\"2\"", "0 (negative), 1 (positive)"}) == "");
  CHECK(refused("sentence\tlabel\na\t-1\n", {"line 2", "\"-1\" is not a label"}) == "");
  CHECK(refused("sentence\tlabel\na\t0.5\n", {"line 2", "\"0.5\" is not a label"}) == "");
  CHECK(refused("sentence\tlabel\na\t\n", {"line 2", "\"\" is not a label"}) == "");
  CHECK(refused("sentence\tlabel\na\tx\x1b[31m\n", {"\"x?[31m\""}) == "");
  CHECK(refused({"sentence\tlabel\na\0b\t1\n", 20}, {"train.tsv, line 2", "NUL"}) == "");
  CHECK(refused("gj04\t1\t\n", {"line 1", "3 fields, 4"}, "cola") == "");
  CHECK(refused("\n\n", {"no examples"}, "cola") == "");

  CHECK(missing_in_error([&] { read_task("sst2", folder, "dev"); }, {folder.path().string(), "SST-2", "\"dev.tsv\""}) ==
        "");
  CHECK(missing_in_error([&] { read_task("sst2", folder.path() / "no", "dev"); }, {"no such folder"}) == "");
  CHECK(missing_in_error([&] { read_task("imdb", folder, "dev"); },
                         {"\"imdb\"", "sst2, cola, mrpc", "wnli, csv, conll and choice"}) == "");
  std::filesystem::remove(folder.path() / "train.tsv");
  std::filesystem::create_directory(folder.path() / "train.tsv");
  CHECK(missing_in_error([&] { read_task("sst2", folder, "train"); }, {"directory"}) == "");
}

// PEFT_GLUE_DATA: a folder with the official SST-2, CoLA, RTE and STS-B folders.
TEST_CASE("GLUE's texts in any file", "[data]") {
  using peft::read_task_file;
  const Folder folder{{"test.tsv", "index\tquestion\tsentence\n0\twho \"is\tit is\n"},
                      {"hub.jsonl", "{\"question\": \"who\", \"sentence\": \"it is\", \"label\": -1}\n"},
                      {"one.csv", "sentence\ngood\n"},
                      {"cola.tsv", "gj04\t1\t\tgood film .\n"},
                      {"mrpc.csv", "sentence1,sentence2\n\"a, b\",c\n"}};
  const auto file = [&](const char* task, const char* name) {
    return read_task_file(task, folder.path() / name, Labels::Ignored);
  };
  const auto plain = file("qnli", "test.tsv");
  CHECK(plain.examples.at(0).a == "who \"is");
  CHECK(plain.examples[0].b == "it is");
  CHECK_FALSE(plain.labelled);
  CHECK(plain.label_names == peft::glue_task("qnli").labels);
  CHECK(file("qnli", "hub.jsonl").examples.at(0).a == "who");
  CHECK(file("sst2", "one.csv").examples.at(0).a == "good");
  CHECK(file("cola", "cola.tsv").examples.at(0).a == "good film .");
  CHECK(file("mrpc", "mrpc.csv").examples.at(0).a == "a, b");
  CHECK(missing_in_error([&] { file("mrpc", "one.csv"); }, {"one.csv, line 1", "mrpc has two texts", "\"sentence\""}) ==
        "");
  CHECK(missing_in_error([&] { file("sst2", "mrpc.csv"); }, {"mrpc.csv, line 1", "sst2 has one text"}) == "");
  CHECK_THROWS_AS(read_task("sst2", folder, "test_mismatched"), peft::Error);
  CHECK_THROWS_AS(read_task("sst2", folder, "dev"), peft::NoSuchSplit);
  CHECK_THROWS_AS(read_task("csv", folder, "dev"), peft::NoSuchSplit);
  CHECK_THROWS_AS(read_task("conll", folder, "dev"), peft::NoSuchSplit);
}

TEST_CASE("Answers as GLUE's leaderboard takes them", "[data]") {
  CHECK(peft::glue_task("sst2").answer("positive") == "1");
  CHECK(peft::glue_task("mrpc").answer("not_equivalent") == "0");
  CHECK(peft::glue_task("wnli").answer("entailment") == "1");
  CHECK(peft::glue_task("rte").answer("not_entailment") == "not_entailment");
  CHECK(peft::glue_task("mnli").answer("neutral") == "neutral");
  CHECK_THROWS_AS(peft::glue_task("qnli").answer("neutral"), peft::Error);
  CHECK(peft::glue_task("mnli").submission("test_mismatched") == "MNLI-mm.tsv");
  CHECK(peft::glue_task("mnli").submission("test") == "MNLI-m.tsv");
  CHECK(peft::glue_task("stsb").submission("test") == "STS-B.tsv");
}

TEST_CASE("The official files have as many examples as they are known for", "[data][real]") {
  const char* folder = std::getenv("PEFT_GLUE_DATA");
  if (folder == nullptr) {
    WARN("skipped: set PEFT_GLUE_DATA to a folder with GLUE's data");
    return;
  }
  CHECK(read_task("sst2", folder, "train").examples.size() == 67349);
  CHECK(read_task("sst2", folder, "dev").examples.size() == 872);
  CHECK(read_task("cola", folder, "train").examples.size() == 8551);
  CHECK(read_task("cola", folder, "dev").examples.size() == 1043);
  CHECK(read_task("rte", folder, "train").examples.size() == 2490);
  CHECK(read_task("rte", folder, "dev").examples.size() == 277);
  CHECK(read_task("stsb", folder, "train").examples.size() == 5749);
  CHECK(read_task("stsb", folder, "dev").examples.size() == 1500);
}
