// SPDX-License-Identifier: Apache-2.0
#include <peft/data/csv.hpp>
#include <peft/data/read_task.hpp>
#include <peft/data/text_file.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "data_temporary.hpp"

using peft::Labels;
using peft::read_task;

namespace {

using Records = std::vector<std::vector<std::string>>;

Records records(std::string_view text, std::vector<std::size_t>* lines = nullptr, char separator = ',') {
  const Folder folder{{"a.csv", text}};
  const peft::TextFile file(folder.path() / "a.csv");
  peft::CsvRows reader(file.text(), file.name(), separator);
  Records out;
  for (peft::Row row; reader.next(row);) {
    out.emplace_back(row.fields.begin(), row.fields.end());
    if (lines != nullptr) lines->push_back(row.line);
  }
  return out;
}

}  // namespace

TEST_CASE("CSV as in RFC 4180", "[data]") {
  CHECK(records("a,b\r\n1,2\r\n") == Records{{"a", "b"}, {"1", "2"}});
  CHECK(records("a,b\n1,2") == Records{{"a", "b"}, {"1", "2"}});
  CHECK(records("\xEF\xBB\xBF"
                "a,b\n") == Records{{"a", "b"}});
  CHECK(records("\"x, y\",\"say \"\"hi\"\"\"\n") == Records{{"x, y", "say \"hi\""}});
  CHECK(records(",\n,,\n\"\",\"\"\n") == Records{{"", ""}, {"", "", ""}, {"", ""}});
  CHECK(records("a,") == Records{{"a", ""}});
  CHECK(records("\"\"") == Records{{""}});
  CHECK(records("\"\"\"\"") == Records{{"\""}});
  CHECK(records("\n\na\n\r\n\nb\n\n") == Records{{"a"}, {"b"}});
  CHECK(records("").empty());
  std::vector<std::size_t> lines;
  CHECK(records("h\n\"two\nlines\r\nand more\",x\nend", &lines) ==
        Records{{"h"}, {"two\nlines\r\nand more", "x"}, {"end"}});
  CHECK(lines == std::vector<std::size_t>{1, 2, 5});
  const std::string big(100000, 'q');
  CHECK(records("\"" + big + "\"," + big) == Records{{big, big}});
}

TEST_CASE("quotes as pandas reads them", "[data]") {
  CHECK(records("x \"y\",2\n") == Records{{"x \"y\"", "2"}});                        // inside a field: characters
  CHECK(records("a, \"b\"\n") == Records{{"a", " \"b\""}});
  CHECK(records("\"y\"z,1\n\"y\" \"z\"\n") ==
        Records{{"yz", "1"}, {"y \"z\""}});  // behind the closing one: part of the field
  CHECK(records("\"a\"\"b\"c\"\n") == Records{{"a\"bc\""}});
  CHECK(records("\"\"\"\",\"\"x\n") == Records{{"\"", "x"}});
  CHECK(missing_in_error([] { records("a,b\n1,\"never\nclosed\n"); }, {"a.csv, line 2, column 2", "never closed"}) ==
        "");
  CHECK(missing_in_error([] { records("a\n\""); }, {"line 2, column 1", "never closed"}) == "");
}

TEST_CASE("line ends, blank lines and separators at the ends of rows", "[data]") {
  std::vector<std::size_t> lines;
  CHECK(records("a,b\r1,\"x\ry\"\r\r2,z\r", &lines) == Records{{"a", "b"}, {"1", "x\ry"}, {"2", "z"}});
  CHECK(lines == std::vector<std::size_t>{1, 2, 5});
  CHECK(records("a\n  \n\t\nb\n   ") == Records{{"a"}, {"b"}});
  CHECK(records("a\tb\n\t\n \n", nullptr, '\t') == Records{{"a", "b"}, {"", ""}});
  CHECK(records("a;b\n\"1;2\";3,4\n", nullptr, ';') == Records{{"a", "b"}, {"1;2", "3,4"}});
  // In a file of tabs a quote is more often a character that nothing closes.
  CHECK(missing_in_error([] { records("a\tb\n\"x\t1\ny\" z\t2\n", nullptr, '\t'); },
                         {"line 2, column 1", "holds tabs"}) == "");
  CHECK(records("a\tb\n\"x\ny\"\t\"1\t2\"\n", nullptr, '\t') == Records{{"a", "b"}, {"x\ny", "1\t2"}});
}

TEST_CASE("A data set of one's own: names, indices or scores as labels", "[data]") {
  const Folder folder{{"train.csv", "label,id,text\nspam,1,\"buy, now\"\nham,2,hello\nspam,3,\"two\nlines\"\n"},
                      {"dev.csv", "text,label\nhi,spam\n"},
                      {"test.csv", "text\nhi\n"}};
  const auto train = read_task("csv", folder, "train");
  CHECK(train.label_names == std::vector<std::string>{"ham", "spam"});
  CHECK(train.examples.at(0).a == "buy, now");
  CHECK(train.examples.at(0).target == 1);
  CHECK(train.examples.at(1).target == 0);
  CHECK_FALSE(train.pairs);
  CHECK(read_task("csv", folder, "dev", Labels::Required, &train).examples.at(0).target == 1);
  CHECK_FALSE(read_task("csv", folder, "test", Labels::Optional, &train).labelled);
  CHECK(missing_in_error([&] { read_task("csv", folder, "test"); }, {"test.csv", "no column \"label\""}) == "");
  folder.put("dev.csv", "text,label\nhi,spam\nyo,eggs\n");
  CHECK(missing_in_error([&] { read_task("csv", folder, "dev", Labels::Required, &train); },
                         {"dev.csv, line 3, column \"label\"", "\"eggs\"", "train.csv: \"ham\", \"spam\""}) == "");

  folder.put("train.csv", "text,text2,label\na,b,2\nc,,11\nd,,2\n");
  const auto indices = read_task("csv", folder, "train");
  CHECK(indices.label_names == std::vector<std::string>{"2", "11"});  // a class per value, in the numbers' order
  CHECK(indices.pairs);
  CHECK(indices.examples.at(1).target == 1);
  CHECK(missing_in_error([&] { read_task("csv", folder, "dev", Labels::Required, &indices); },
                         {"\"text2\" is not here"}) == "");

  folder.put("train.csv", "text,label\na,0.5\nb,-1\nc,2e1\n");
  folder.put("dev.csv", "text,label\na,1\nb,x\n");
  const auto scores = read_task("csv", folder, "train");
  CHECK(scores.regression);
  CHECK(scores.examples.at(2).target == 20);
  CHECK(missing_in_error([&] { read_task("csv", folder, "dev", Labels::Required, &scores); },
                         {"line 3", "not a number"}) == "");

  folder.put("train.csv", "text,label\na,-1\nb,1\n");
  CHECK(read_task("csv", folder, "train").label_names == std::vector<std::string>{"-1", "1"});
}

TEST_CASE("Malformed data sets of one's own", "[data]") {
  const Folder folder;
  const auto refused = [&](std::string_view text, std::initializer_list<std::string_view> parts) {
    folder.put("train.csv", text);
    return missing_in_error([&] { read_task("csv", folder, "train"); }, parts);
  };
  CHECK(refused("", {"train.csv", "empty"}) == "");
  CHECK(refused("text,label\n", {"no examples"}) == "");
  CHECK(refused("sentences,label\na,1\n", {"line 1", "no column \"text\"", "\"sentences\", \"label\"", "sentence,"}) ==
        "");
  CHECK(refused("tekst,label\na,1\n", {"no column \"text\"", "near names: tekst"}) == "");
  CHECK(refused("text,label\na,1\n\"b\nc\"\n", {"line 3", "1 fields, 2 were expected"}) == "");
  CHECK(refused("text,label\na,b,1\n", {"line 2", "3 fields"}) == "");
  CHECK(refused("text,label\na,\n", {"line 2, column \"label\""}) == "");
  CHECK(refused("text,label\na,x\nb,x\n", {"all labels are \"x\""}) == "");
  CHECK(refused("text,label\na,x\nb,5\nc,6\n",
                {"line 2, column \"label\": \"x\" is not a number", "2 labels are", "--labels classes"}) == "");
  CHECK(refused("text,label\na,x\nb,5\nc,y\n", {"line 3, column \"label\": \"5\" is a number", "2 labels are none"}) ==
        "");
  std::string many = "text,label\n";
  for (int i = 0; i <= 10000; ++i) many += peft::cat("a,", 2 * i, "\n");
  CHECK(refused(many, {"10001 different labels", "--labels scores"}) == "");
}
