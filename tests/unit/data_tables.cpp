// SPDX-License-Identifier: Apache-2.0
// Tables as people have them.
#include <peft/data/read_choice.hpp>
#include <peft/data/read_csv.hpp>
#include <peft/data/read_pairs.hpp>
#include <peft/data/text_file.hpp>
#include <peft/data/tokenized.hpp>

#include "catch.hpp"
#include "data_temporary.hpp"

using namespace peft;
using namespace std::string_view_literals;

namespace {

using Names = std::vector<std::string>;

/// The data set of a training file, its name given.
Dataset read(std::string_view text, LabelKind kind = LabelKind::Automatic, std::string_view name = "train.csv") {
  const Folder folder{{name, text}};
  return read_csv_file(folder.path() / name, Labels::Required, nullptr, kind);
}

std::string refused(std::string_view text, std::initializer_list<std::string_view> parts,
                    std::string_view name = "train.csv") {
  return missing_in_error([&] { read(text, LabelKind::Automatic, name); }, parts);
}

std::vector<double> targets(const Dataset& data) {
  std::vector<double> out;
  for (const Example& example : data.examples) out.push_back(example.target);
  return out;
}

std::string notes(const Dataset& data) {
  std::string all;
  for (const std::string& note : data.notes) all += note + "\n";
  return all;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("a table of more columns than anybody looks through is refused", "[data]") {
  std::string header = "text,label";
  for (int i = 2; i < 10000; ++i) header += ",c";
  CHECK(refused(header + ",c\n", {"line 1", "10001 columns, at most 10000"}) == "");
}

TEST_CASE("what is no text in UTF-8 is named", "[data]") {
  CHECK(read("\xEF\xBB\xBFtext,label\r\na,x\r\nb,y\r\n").label_names == Names{"x", "y"});
  CHECK(read("text,label\nca\xC3\xA9,x\n\xF0\x9F\x98\x80,y\n\xEF\xBF\xBD,y\n").examples.size() == 3);
  CHECK(refused("text,label\ngood,x\nthe caf\xE9 film,y\n",
                {"line 3, column 8", "0xE9", "not UTF-8", "iconv -f latin1 -t utf-8"}) == "");
  CHECK(refused("text,label\r\xC3\xA9 caf\xE9,y\n", {"line 2, column 6"}) == "");  // in characters
  for (const std::string_view bad :
       {"\xC0\x80"sv, "\xED\xA0\x80"sv, "\xF4\x90\x80\x80"sv, "\xE2\x82"sv, "\x80"sv, "\xFE"sv})
    CHECK(refused("text,label\n0123456789" + std::string(bad) + ",y\n", {"line 2, column 11", "not UTF-8"}) == "");
  CHECK(refused("\xFF\xFEt\0e\0x\0t\0"sv, {"UTF-16", "iconv -f utf-16"}) == "");
  CHECK(refused("\xFE\xFF\0t"sv, {"UTF-16"}) == "");
  CHECK(refused("\xFF\xFE\0\0t\0\0\0"sv, {"UTF-32"}) == "");
  CHECK(refused("t\0e\0x\0t\0"sv, {"line 1, column 2", "NUL", "UTF-16"}) == "");
  CHECK(refused("PK\3\4 and more", {"Excel workbook", "CSV UTF-8"}) == "");
  CHECK(refused("PAR1 and more", {"Parquet"}) == "");
  CHECK(refused("\x1F\x8B and more", {"gzip"}) == "");
}

TEST_CASE("the separator is found by the header, and by the first rows", "[data]") {
  for (const std::string_view text :
       {"text,label\n\"a; b\",x\nc,y\n"sv, "text;label\na; b;x\nc;y\n"sv, "text\tlabel\na; b\tx\nc\ty\n"sv}) {
    const bool two = text.find("label\na; b;x") != text.npos;
    CHECK(read(two ? "text;label\n\"a; b\";x\nc;y\n"sv : text).examples.at(0).a == "a; b");
  }
  CHECK(has(notes(read("text;label\na,b;x\nc;y\n")), "separated by \";\""));
  CHECK(has(notes(read("text\tlabel\na\tx\nc\ty\n")), "separated by tabs"));
  CHECK(notes(read("text\tlabel\na\tx\nc\ty\n", LabelKind::Automatic, "train.tsv")).empty());
  CHECK(notes(read("text,label\na;b,x\nc,y\n")).empty());
  // Names that hold another separator: the rows tell.
  CHECK(read("text\tlabel\tnote (a, b)\nq, r\tx\t\ns\ty\t\n").examples.at(0).a == "q, r");
  CHECK(read("\"a;b\",text,label\n1,c,x\n2,d,y\n").examples.at(1).a == "d");
  CHECK(refused("text,x;label\na,b;c\nb,c;d\n", {"line 1", "both \",\" and \";\"", "either"}) == "");
  CHECK(refused("text,x;label\na\nb\n", {"neither"}) == "");
  const Folder alone{{"a.csv", "text\nno separator\n\"quoted, with one\"\n"}};
  const auto texts = read_csv_file(alone.path() / "a.csv", Labels::Optional);
  CHECK_FALSE(texts.labelled);
  CHECK(texts.examples.at(1).a == "quoted, with one");
  CHECK(missing_in_error(
            [&] {
              alone.put("a.csv", "text\nHello, world\n");
              read_csv_file(alone.path() / "a.csv", Labels::Optional);
            },
            {"line 2", "2 fields, 1", "in quotes"}) == "");
}

TEST_CASE("rows that are too long or too short, and separators at their ends", "[data]") {
  CHECK(refused("text,label\na,x\nb\n", {"line 3", "1 fields, 2 were expected"}) == "");
  CHECK(refused("text,label\na,x\nb, c,y\n", {"line 3", "3 fields, 2 were expected", "stands in quotes"}) == "");
  CHECK(targets(read("text,label,\na,x,\nb,y,\n")) == std::vector<double>{0, 1});
  CHECK(targets(read("text,label,,,\na,x,,,\nb,y,,,\n")) == std::vector<double>{0, 1});
  CHECK(targets(read("text,label\na,x,\nb,y,\n")) == std::vector<double>{0, 1});  // all rows, not the header
  CHECK(refused("text,label\na,x\nb,y,\n", {"line 3", "3 fields"}) == "");
  CHECK(refused("text,label\na,x,\nb,y,z\n", {"line 3", "3 fields"}) == "");
  CHECK(targets(read("\n \ntext,label\n\na,x\n\t\nb,y\n\n")) == std::vector<double>{0, 1});
  CHECK(read(",text,label\n0,a,x\n1,b,y\n").examples.at(1).a == "b");  // as pandas writes its index
}

TEST_CASE("columns by their names, and by those that others give them", "[data]") {
  CHECK(notes(read("text, label\na, x\nb, y\n")).empty());
  CHECK(read("text, label \na, x\nb,x \nc,y\n").label_names == Names{"x", "y"});
  CHECK(read(" Text,LABEL\na,x\nb,y\n").examples.at(0).a == "a");
  CHECK(read("Text,text,label\nz,a,x\nz,b,y\n").examples.at(0).a == "a");  // the very name comes first
  CHECK(refused("Text,TEXT,label\na,b,x\n", {"line 1", "\"Text\" and \"TEXT\""}) == "");
  CHECK(refused("text,text,label\na,b,x\n", {"line 1", "appears twice"}) == "");
  CHECK(read("id,id,text,label\n1,2,a,x\n1,2,b,y\n").examples.at(0).a == "a");

  const auto sentence = read("idx,sentence,labels\n1,a,x\n2,b,y\n");
  CHECK(sentence.examples.at(0).a == "a");
  CHECK(notes(sentence) ==
        "there is no column \"text\": \"sentence\" is taken\nthere is no column \"label\": \"labels\" is taken\n");
  for (const std::string_view header :
       {"sentence1,sentence2,score", "premise,hypothesis,gold_label", "question,sentence,target", "text,text2,class",
        "text,text_pair,label", "Question1,Question2,is_duplicate"}) {
    const auto pair = read(std::string(header) + "\na,b,x\nc,d,y\n");
    CHECK(pair.pairs);
    CHECK(pair.examples.at(1).b == "d");
    CHECK(targets(pair) == std::vector<double>{0, 1});
  }
  CHECK(read("content,text,label\nz,a,x\nz,b,y\n").examples.at(0).a == "a");
  CHECK(refused("content,review,label\na,b,x\n",
                {"line 1", "either \"content\" or \"review\"", "call what is meant \"text\""}) == "");
  CHECK(refused("question,context,answer,label\na,b,c,x\n",
                {"\"question\" and \"context\"", "\"question\" and \"answer\""}) == "");
  CHECK(refused("text,class,score\na,b,1\n", {"either \"class\" or \"score\""}) == "");
  CHECK(refused("sentence1,label\na,b\n", {"no column \"text\"", "\"sentence1\", \"label\""}) == "");
  CHECK(refused("text,lable\na,b\n", {"no column \"label\"", "near names: lable"}) == "");
}

TEST_CASE("what integers, numbers and names are as labels", "[data]") {
  const auto of = [](std::initializer_list<std::string_view> labels, LabelKind kind = LabelKind::Automatic) {
    std::string text = "text,label\n";
    for (const std::string_view label : labels) text += cat("a,", label, "\n");
    return read(text, kind);
  };
  CHECK(of({"0", "1", "1"}).label_names == Names{"0", "1"});
  CHECK(of({"0", "1"}).notes.empty());
  const auto signs = of({"-1", "0", "1", "+1"});
  CHECK(signs.label_names == Names{"-1", "0", "1"});
  CHECK(targets(signs) == std::vector<double>{0, 1, 2, 2});
  CHECK(has(notes(signs), "\"-1\", \"0\", \"1\" are classes 0 to 2"));
  CHECK(of({"10", "9", "1", "2"}).label_names == Names{"1", "2", "9", "10"});
  CHECK(targets(of({"2", "1"})) == std::vector<double>{1, 0});
  CHECK(of({"0", "2"}).label_names == Names{"0", "2"});  // no class that no example has
  CHECK(of({"01", "1", "2"}).label_names == Names{"1", "2"});

  const auto floats = of({"0.0", "1.0"});
  CHECK(floats.regression);
  CHECK(has(notes(floats), "--labels classes"));
  CHECK(of({"1", "2.5"}).notes.empty());
  CHECK(targets(of({"1e1", "-2"})) == std::vector<double>{10, -2});
  const auto classes = of({"0.0", "1.0", "1"}, LabelKind::Classes);
  CHECK(classes.label_names == Names{"0", "1"});
  CHECK(targets(classes) == std::vector<double>{0, 1, 1});
  CHECK(of({"0.5", "1.5"}, LabelKind::Classes).label_names == Names{"0.5", "1.5"});
  CHECK(of({"7", "x"}, LabelKind::Classes).label_names == Names{"7", "x"});
  const auto scores = of({"1", "5"}, LabelKind::Scores);
  CHECK(scores.regression);
  CHECK(targets(scores) == std::vector<double>{1, 5});
  CHECK(missing_in_error([&] { of({"1", "x"}, LabelKind::Scores); }, {"line 3", "\"x\" is not a number"}) == "");

  CHECK(of({"True", "False"}).label_names == Names{"False", "True"});
  CHECK(of({" good", "good ", "bad"}).label_names == Names{"bad", "good"});
  CHECK(has(notes(of({"Good", "good"})), "\"Good\" and \"good\" are two classes"));
  CHECK(has(notes(of({"some", "none"})), "line 3: \"none\" is taken for the name of a class"));
}

TEST_CASE("a number that is none is named with its line", "[data]") {
  for (const std::string_view bad :
       {"nan", "NaN", "None", "null", "NA", "N/A", "inf", "-inf", "Infinity", "?", "3,5"}) {
    INFO(bad);
    const std::string text = cat("text,label\na,1.5\nb,2.5\nc,\"", bad, "\"\nd,3.5\n");
    CHECK(refused(text, {"line 4, column \"label\"", bad, "is not a number", "3 labels are"}) == "");
    CHECK(refused(cat("text,label\na,1\nb,2\nc,\"", bad, "\"\n"), {"line 4", "is not a number"}) == "");
  }
  CHECK(refused("text,label\na,1.5\nb,\n", {"line 3, column \"label\"", "is not a label"}) == "");
  CHECK(missing_in_error([] { read("text,label\na,1\nb,0\nc,nan\n", LabelKind::Classes); }, {"line 4", "fill it in"}) ==
        "");
  CHECK(refused("text,label\na,nan\nb,1\n", {"line 2", "is not a number"}) == "");
}

TEST_CASE("the labels of another file", "[data]") {
  const Folder folder{{"train.csv", "text,label\na,0\nb,1\n"}, {"dev.csv", "text,label\na,1.0\nb, 0\n"}};
  const auto train = read_csv(folder, "train");
  CHECK(targets(read_csv(folder, "dev", Labels::Required, &train)) == std::vector<double>{1, 0});
  folder.put("dev.csv", "text,label\na,1\nb,2\n");
  CHECK(missing_in_error([&] { read_csv(folder, "dev", Labels::Required, &train); },
                         {"dev.csv, line 3", "\"2\" is not one of the labels of", "train.csv: \"0\", \"1\""}) == "");
  folder.put("dev.csv", "text,label\na,Good\n");
  folder.put("train.csv", "text,label\na,good\nb,bad\n");
  const auto named = read_csv(folder, "train");
  CHECK(missing_in_error([&] { read_csv(folder, "dev", Labels::Required, &named); },
                         {"dev.csv, line 2", "near names: good"}) == "");
  folder.put("dev.csv", "text,label\na,1\nb,2\n");
  CHECK_FALSE(read_csv_file(folder.path() / "dev.csv", Labels::Ignored).labelled);
  for (const std::string_view none : {"a,-1\nb,-1\n", "a,\nb,\n"}) {
    folder.put("dev.csv", cat("text,label\n", none));
    const auto dev = read_csv(folder, "dev", Labels::Optional, &train);
    CHECK_FALSE(dev.labelled);
    CHECK(has(notes(dev), "holds no labels"));
    CHECK(missing_in_error([&] { read_csv(folder, "dev", Labels::Required, &train); }, {"dev.csv, line 2"}) == "");
  }
  folder.put("train.csv", "text,label\na,0.5\nb,1\n");
  const auto scores = read_csv(folder, "train");
  folder.put("dev.csv", "text,label\na,1\nb,nan\n");
  CHECK(missing_in_error([&] { read_csv(folder, "dev", Labels::Required, &scores); },
                         {"dev.csv, line 3", "not a number", "train.csv"}) == "");
}

TEST_CASE("the files of a split", "[data]") {
  const Folder folder{{"train.tsv", "text\tlabel\na\tx\nb\ty\n"}, {"validation.csv", "text,label\na,x\n"}};
  const auto train = read_csv(folder, "train");
  CHECK(train.notes.empty());
  CHECK(has(notes(read_csv(folder, "dev", Labels::Required, &train)), "the dev split is \"validation.csv\""));
  folder.put("dev.csv", "text,label\nb,y\n");
  const auto dev = read_csv(folder, "dev", Labels::Required, &train);
  CHECK(dev.examples.at(0).a == "b");
  CHECK(has(notes(dev), "the dev split is \"dev.csv\"; not read: \"validation.csv\""));
  CHECK(missing_in_error([&] { read_csv(folder, "test"); }, {"the test split", "test, testing with .csv, .tsv, .jsonl",
                                                             "\"dev.csv\", \"train.tsv\", \"validation.csv\""}) == "");
}

TEST_CASE("JSON lines as a table", "[data]") {
  const auto lines = [](std::string_view text, LabelKind kind = LabelKind::Automatic) {
    return read(text, kind, "train.jsonl");
  };
  const auto data = lines(
      "{\"text\": \"a, \\\"b\\\"\\n\", \"Label\": 1, \"meta\": {\"x\": [1, {}]}}\n\n{\"Label\": 0, \"text\": 5, \"more\": null}\r\n");
  CHECK(data.examples.at(0).a == "a, \"b\"\n");
  CHECK(data.examples.at(1).a == "5");
  CHECK(targets(data) == std::vector<double>{1, 0});
  CHECK(lines("{\"text\": \"a\", \"label\": 1.0}\n{\"text\": \"b\", \"label\": 0.0}\n")
            .regression);  // the decimal point counts
  CHECK(lines("{\"text\": \"a\", \"label\": true}\n{\"text\": \"b\", \"label\": false}\n").label_names ==
        Names{"false", "true"});

  const auto bad = [](std::string_view text, std::initializer_list<std::string_view> parts) {
    return refused(text, parts, "train.jsonl");
  };
  CHECK(bad("", {"empty"}) == "");
  CHECK(bad("{\"text\": \"a\", \"label\": null}\n", {"line 1, column \"label\"", "is null"}) == "");
  CHECK(bad("{\"text\": [\"a\"], \"label\": 1}\n", {"column \"text\"", "is a list"}) == "");
  CHECK(bad("{\"text\": {\"a\": 1}, \"label\": 1}\n", {"column \"text\"", "is an object"}) == "");
  CHECK(bad("{\"text\": \"a\", \"label\": 1}\n{\"text\": \"a\"}\n", {"line 2, column \"label\"", "is not there"}) ==
        "");
  CHECK(bad("{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 0, \"text2\": \"c\"}\n",
            {"\"text2\"", "not in the first"}) == "");
  CHECK(bad("{\"sentences\": \"a\", \"label\": 1}\n", {"no column \"text\"", "\"sentences\""}) == "");
  CHECK(bad("[{\"text\": \"a\"}]\n", {"line 1", "a list", "jq"}) == "");
  CHECK(bad("{\n\"text\": \"a\"}\n", {"line 1", "invalid JSON"}) == "");
  CHECK(bad("{\"text\": \"a\", \"label\": NaN}\n", {"line 1", "invalid JSON"}) == "");
  CHECK(bad("{\"text\": \"a\", \"text\": \"b\"}\n", {"line 1", "\"text\" appears twice"}) == "");
  CHECK(bad("5\n", {"line 1", "an object"}) == "");
  CHECK(bad("{\"text\": \"a\", \"label\": 1} {}\n", {"line 1", "invalid JSON"}) == "");
  CHECK(bad("{\"text\": \"a\xE9\"}\n", {"line 1, column 12", "UTF-8"}) == "");
  CHECK(bad(std::string(100000, '['), {"a list"}) == "");
  CHECK(bad("{\"a\":" + std::string(100000, '['), {"invalid JSON"}) == "");
  std::string keys;
  for (int i = 0; i < 1100; ++i) keys += cat("{\"", i, "\": 1}\n");
  CHECK(bad(cat("{\"text\": \"a\", \"label\": 1}\n", keys), {"is not there"}) == "");
  CHECK(bad(cat(
                "{\"", 0, "\": 1",
                [] {
                  std::string all;
                  for (int i = 1; i < 1100; ++i) all += cat(", \"", i, "\": 1");
                  return all;
                }(),
                "}\n"),
            {"1000 different keys"}) == "");
}

TEST_CASE("pairs and choices from tables of other names and kinds", "[data]") {
  const Folder folder{{"train.jsonl", "{\"prompt\": \"p\", \"completion\": \"c\"}\n"},
                      {"valid.tsv", "document\tsummary\nd\ts\n"},
                      {"test.csv", "prompt\nalone\n"},
                      {"alpaca.csv", "instruction,input,output\na,b,c\n"}};
  const auto train = read_pairs(folder, "train");
  CHECK(train.pairs.at(0).target == "c");
  CHECK(train.notes.at(0) == "there is no column \"source\": \"prompt\" and \"completion\" are taken");
  CHECK(read_pairs(folder, "dev").pairs.at(0).source == "d");
  CHECK_FALSE(read_pairs(folder, "test", {}, Labels::Optional).labelled);
  CHECK(missing_in_error([&] { read_pairs(folder, "alpaca"); },
                         {"\"input\" and \"output\"", "\"instruction\" and \"output\""}) == "");
  folder.put("choice.jsonl", "{\"ctx\": \"q\", \"ending0\": \"a\", \"ending1\": \"b\", \"label\": \"1\"}\n");
  const auto choice = read_choice_file(folder.path() / "choice.jsonl");
  CHECK(choice.examples.at(1).b == "b");
  CHECK(choice.examples.at(0).target == 1);
  CHECK(choice.notes.size() == 2);
  folder.put(
      "choice.jsonl",
      "{\"ctx\": \"q\", \"ending0\": \"a\", \"ending1\": \"b\", \"label\": 1}\n{\"ctx\": \"q\", \"ending0\": \"a\", \"ending1\": \"b\", \"ending2\": \"c\", \"label\": 2}\n");
  CHECK(missing_in_error([&] { read_choice_file(folder.path() / "choice.jsonl"); }, {"line 2, column \"label\""}) ==
        "");
  folder.put(
      "choice.jsonl",
      "{\"ctx\": \"q\", \"ending0\": \"a\", \"ending1\": \"b\", \"label\": 1}\n{\"ctx\": \"q\", \"ending0\": \"a\", \"ending1\": \"b\", \"ending2\": \"c\", \"label\": 0}\n");
  CHECK(missing_in_error([&] { read_choice_file(folder.path() / "choice.jsonl"); },
                         {"\"ending2\"", "not in the first"}) == "");
}

TEST_CASE("texts that are cut are counted", "[data]") {
  const auto tokenizer = Tokenizer::open(std::filesystem::path(PEFT_TEST_DATA) / "tiny-bert");
  const auto data = read("text,text2,label\na b,c,x\na,b,y\n");
  const auto cut = [&](int most) {
    return Tokenized(data, tokenizer, {.max_length = most, .model_max_length = 48}).cut();
  };
  CHECK(cut(6) == 0);
  CHECK(cut(5) == 1);
  CHECK(cut(4) == 2);
}
