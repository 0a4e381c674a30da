// SPDX-License-Identifier: Apache-2.0
#include <peft/data/loader.hpp>
#include <peft/data/read_conll.hpp>
#include <peft/data/read_task.hpp>

#include "catch.hpp"
#include "data_temporary.hpp"

using namespace peft;

namespace {

std::vector<std::string> tags_of(const Dataset& d, std::size_t i) {
  std::vector<std::string> out;
  for (const std::int32_t t : d.tags.at(i))
    out.push_back(t < 0 ? "none" : d.label_names.at(static_cast<std::size_t>(t)));
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("CoNLL files: columns, sentences, documents", "[data]") {
  const Folder folder{
      {"train.txt",
       "-DOCSTART- -X- O O\n\nEU NNP I-NP I-ORG\nrejects VBZ I-VP O\nGerman\tJJ I-NP  I-MISC\r\n. . O O\n"
       "\n  \t\n-DOCSTART- -X- O O\nPeter NNP B-NP I-PER\nBlackburn NNP I-NP I-PER\n-DOCSTART-\n"
       "Paris NNP I-NP I-LOC\nParis NNP I-NP B-LOC\n\"Rome\" NNP I-NP I-LOC"},
      {"valid.txt", "Bonn NNP x I-LOC\n"},
      {"test.txt", "one\ntwo\n\nthree\n"}};
  const auto train = read_task("conll", folder, "train");
  CHECK(train.tagged);
  CHECK(train.labelled);
  REQUIRE(train.examples.size() == 3);
  CHECK(train.examples[0].a == "EU rejects German .");
  CHECK(train.examples[1].a == "Peter Blackburn");
  CHECK(train.examples[2].a == "Paris Paris \"Rome\"");
  // IOB1 in the file; IOB2 in the classes, so that both kinds of files have the same ones.
  CHECK(train.label_names == Names{"O", "B-LOC", "I-LOC", "B-MISC", "I-MISC", "B-ORG", "I-ORG", "B-PER", "I-PER"});
  CHECK(train.outputs() == 9);
  CHECK(tags_of(train, 0) == Names{"B-ORG", "O", "B-MISC", "O"});
  CHECK(tags_of(train, 1) == Names{"B-PER", "I-PER"});
  CHECK(tags_of(train, 2) == Names{"B-LOC", "B-LOC", "I-LOC"});

  const auto dev = read_task("conll", folder, "dev", Labels::Required, &train);
  CHECK(tags_of(dev, 0) == Names{"B-LOC"});
  const auto test = read_task("conll", folder, "test", Labels::Optional, &train);
  CHECK_FALSE(test.labelled);
  CHECK(test.examples.size() == 2);
  CHECK(tags_of(test, 0) == Names{"none", "none"});

  const auto raw = read_conll(folder, "train", Labels::Required, nullptr, Tags::AsWritten);
  CHECK(raw.label_names == Names{"O", "B-LOC", "I-LOC", "I-MISC", "I-ORG", "I-PER"});
  CHECK(tags_of(raw, 1) == Names{"I-PER", "I-PER"});

  folder.put("train.txt", "a B-X\nb I-X\nc B-X\nd I-Y\ne O\nf I-Y\n");
  const auto two = read_task("conll", folder, "train");
  CHECK(tags_of(two, 0) == Names{"B-X", "I-X", "B-X", "B-Y", "O", "B-Y"});
  std::filesystem::remove(folder.path() / "train.txt");
  folder.put("eng.train", "a I-X\n");
  CHECK(read_task("conll", folder, "train").label_names == Names{"O", "B-X", "I-X"});
}

TEST_CASE("all schemes of tags are read as IOB2, and it is said", "[data]") {
  const Folder folder;
  const auto read = [&](std::string_view text) {
    folder.put("train.txt", text);
    return read_task("conll", folder, "train");
  };
  const Names typed{"O", "B-X", "I-X", "B-Y", "I-Y"}, entities{"B-X", "B-X", "I-X", "I-X", "O", "B-Y", "B-X", "I-X"};
  for (const auto& [text, note] :
       {std::pair("a B-X\nb B-X\nc I-X\nd I-X\ne O\nf B-Y\ng B-X\nh I-X\n", ""),
        {"a I-X\nb B-X\nc I-X\nd I-X\ne O\nf I-Y\ng I-X\nh I-X\n", "3 entities begin with I"},
        {"a S-X\nb B-X\nc I-X\nd E-X\ne O\nf S-Y\ng B-X\nh E-X\n", "IOBES"},
        {"a U-X\nb B-X\nc I-X\nd L-X\ne O\nf U-Y\ng B-X\nh L-X\n", "BILOU"}}) {
    const auto data = read(text);
    CHECK(data.label_names == typed);
    CHECK(tags_of(data, 0) == entities);
    CHECK((data.notes.empty() ? std::string() : data.notes.at(0)).find(note) != std::string::npos);
    CHECK(data.notes.size() == (*note != 0));
  }
  const auto bare = read("a B\nb I\nc O\nd B\n");
  CHECK(bare.label_names == Names{"O", "B", "I"});
  CHECK(tags_of(bare, 0) == Names{"B", "I", "O", "B"});
  CHECK(tags_of(read("a I\nb I\nc O\nd S\ne B\nf E\n"), 0) == Names{"B", "I", "O", "B", "B", "I"});

  const auto types = read("a PER\nb PER\nc art-music\nd O\ne PER\n");  // IO without marks
  CHECK(types.label_names == Names{"O", "B-PER", "I-PER", "B-art-music", "I-art-music"});
  CHECK(tags_of(types, 0) == Names{"B-PER", "I-PER", "B-art-music", "O", "B-PER"});
  CHECK(types.notes.at(0).find("(IO)") != std::string::npos);
  folder.put("devel.tsv", "x\tPER\ny\tPER\n");
  const auto dev = read_task("conll", folder, "dev", Labels::Required, &types);
  CHECK(tags_of(dev, 0) == Names{"B-PER", "I-PER"});
  CHECK(dev.notes.at(0).find("devel.tsv") != std::string::npos);
  CHECK_FALSE(read_conll_file(folder.path() / "devel.tsv", Labels::Ignored).labelled);
}

TEST_CASE("comments and documents in CoNLL files", "[data]") {
  const Folder folder{
      {"train.conll",
       "-docstart-\tO\n\n# id 7 domain=train\n# text\na _ _ B-X\n# _ _ O\n\n#\t_\t_\tI-X\rb _ _ O\r\r# id 8\n-DocStart- x\nc _ _ O\n"}};
  const auto data = read_task("conll", folder, "train");
  CHECK(data.examples.size() == 3);
  CHECK(data.examples.at(0).a == "a #");  // within a sentence it is a word
  CHECK(data.examples.at(1).a == "# b");  // and where its last column is a tag
  CHECK(data.examples.at(2).a == "c");
  CHECK(data.notes.at(0) == "3 lines are comments (#)");
  folder.put("train.conll", "# id 1 x\n\n# id 2 x\na q w PER\nb q w O\n\n# q w PER\n");
  const auto types = read_task("conll", folder, "train");  // any word may be a type: only those of sure lines count
  CHECK(types.examples.size() == 2);
  CHECK(types.examples.at(1).a == "#");
  folder.put("test.txt", "# id 1\n#tag\nb\n");
  CHECK(read_task("conll", folder, "test", Labels::Optional, &types).examples.at(0).a == "#tag b");
}

TEST_CASE("malformed CoNLL files", "[data]") {
  const Folder folder;
  const auto refused = [&](std::string_view text, std::initializer_list<std::string_view> parts) {
    folder.put("train.txt", text);
    return missing_in_error([&] { read_task("conll", folder, "train"); }, parts);
  };
  CHECK(refused("", {"train.txt", "no sentences"}) == "");
  CHECK(refused("\n\n-DOCSTART- O\n", {"no sentences"}) == "");
  CHECK(refused("a x B-X\n\nb O\n", {"train.txt, line 3", "2 columns, 3 were expected as in line 1", "\"b O\""}) == "");
  CHECK(refused("a B-X\nb B-X extra\n", {"line 2", "3 columns"}) == "");
  CHECK(refused("a B-X\nb\n", {"line 2", "1 columns"}) == "");
  CHECK(refused("a B-X\nb PER\n", {"line 2", "\"PER\"", "a tag was expected"}) == "");
  CHECK(refused("a S-X\nb Q-X\n", {"line 2", "\"Q-X\""}) == "");
  CHECK(refused("The DT\nfilm NN\n", {"line 1", "\"DT\"", "a tag was expected"}) ==
        "");  // parts of speech: no O among them
  CHECK(refused("a b_PER\nb O\n", {"line 1", "\"b_PER\""}) == "");
  CHECK(refused("a B\nb PER\nc O\n", {"line 2", "\"PER\""}) == "");
  CHECK(refused("a B-X\nb # O O\n", {"line 2", "4 columns"}) == "");
  CHECK(refused("a B-\n", {"line 1", "\"B-\""}) == "");
  CHECK(refused("a o\n", {"line 1", "\"o\""}) == "");
  CHECK(refused("a O\nb O\n", {"every tag is O"}) == "");
  CHECK(refused("a\nb\n", {"line 1", "a word without a tag"}) == "");
  CHECK(refused({"a B-X\nb\0 O\n", 12}, {"line 2", "NUL"}) == "");
  CHECK(missing_in_error([&] { read_task("conll", folder, "dev"); },
                         {"the dev split", "dev, valid, validation", ".txt, .tsv, .conll", "eng.testa",
                          "holds \"train.txt\""}) == "");
  folder.put("train.txt", "a B-X\n");
  folder.put("dev.txt", "a O\n\nb B-X\nc I-X\nd B-Y\n");
  const auto train = read_task("conll", folder, "train");
  CHECK(missing_in_error([&] { read_task("conll", folder, "dev", Labels::Required, &train); },
                         {"dev.txt, line 5", "\"B-Y\"", "\"O\", \"B-X\", \"I-X\""}) == "");
}

TEST_CASE("a word's tag is the target of its first piece", "[data]") {
  const auto tokenizer = Tokenizer::open(std::filesystem::path(PEFT_TEST_DATA) / "tiny-bert");
  const Folder folder{{"train.txt", "movie O\nxyz B-X\nit's I-X\n\n\xE2\x80\x8B O\nbad B-X\n"}};
  const auto data = read_task("conll", folder, "train");
  const Tokenized whole(data, tokenizer, {.max_length = 48, .model_max_length = 48});
  REQUIRE(whole.size() == 2);
  Batch b;
  whole.add_to(b, 0);
  whole.add_to(b, 1);
  // [CLS] movie x ##y ##z it ' s [SEP]  and  [CLS] bad [SEP]: a zero-width space has no piece.
  CHECK(b.targets == std::vector<double>{-1, 0, 1, -1, -1, 2, -1, -1, -1, -1, 1, -1});
  CHECK(b.targets.size() == b.ids.size());
  CHECK(std::vector<std::int64_t>(whole.words(0).begin(), whole.words(0).end()) == std::vector<std::int64_t>{1, 2, 5});
  CHECK(std::vector<std::int64_t>(whole.words(1).begin(), whole.words(1).end()) == std::vector<std::int64_t>{-1, 10});
  CHECK(whole.lost_words() == 1);
  CHECK(whole.cut() == 0);
  CHECK(whole.longest() == 9);

  // Cut: three pieces of text remain, the second word in part, the third not at all.
  const Tokenized cut(data, tokenizer, {.max_length = 5, .model_max_length = 48});
  Batch c;
  cut.add_to(c, 0);
  CHECK(c.targets == std::vector<double>{-1, 0, 1, -1, -1});
  CHECK(cut.cut() == 1);
  CHECK(std::vector<std::int64_t>(cut.words(0).begin(), cut.words(0).end()) == std::vector<std::int64_t>{1, 2, -1});
  CHECK(missing_in_error([&] { Tokenized(data, tokenizer, {.max_length = 1, .model_max_length = 48}); }, {"no room"}) ==
        "");
}

TEST_CASE("multiple choice: a question is as many pairs in a row", "[data]") {
  const Folder folder{
      {"train.csv", "label,choice1,context,choice0,choice2\n2,b,\"one, two\",a,c\n0,e,x,d,f\n1,h,y,g,i\n"},
      {"dev.csv", "context,choice0,choice1,choice2\nz,p,q,r\n"}};
  const auto train = read_task("choice", folder, "train");
  CHECK(train.together == 3);
  CHECK(train.pairs);
  CHECK(train.outputs() == 1);
  REQUIRE(train.examples.size() == 9);
  CHECK(train.examples[0].a == "one, two");
  CHECK(train.examples[0].b == "a");
  CHECK(train.examples[2].a == "one, two");
  CHECK(train.examples[2].b == "c");
  CHECK(train.examples[0].target == 2);
  CHECK(train.examples[3].target == 0);
  const auto dev = read_task("choice", folder, "dev", Labels::Optional, &train);
  CHECK_FALSE(dev.labelled);
  CHECK(missing_in_error([&] { read_task("choice", folder, "dev", Labels::Required, &train); },
                         {"dev.csv", "no column \"label\""}) == "");

  const auto tokenizer = Tokenizer::open(std::filesystem::path(PEFT_TEST_DATA) / "tiny-bert");
  const Tokenized made(train, tokenizer, {.max_length = 48, .model_max_length = 48});
  CHECK(made.size() == 3);
  CHECK(made.together() == 3);
  CHECK(made.length(1) == 15);  // [CLS] x [SEP] d [SEP], thrice
  Batch b;
  made.add_to(b, 1);
  CHECK(b.sequences() == 3);
  CHECK(b.targets == std::vector<double>{0});
  CHECK(b.examples == std::vector<std::int64_t>{3, 4, 5});
  CHECK(b.ids[b.offsets[0] + 3] == tokenizer.id("d"));
  CHECK(b.ids[b.offsets[2] + 3] == tokenizer.id("f"));

  // Batches hold whole questions; buckets and budgets count all their tokens.
  const Loader loader(Tokenized(train, tokenizer, {.max_length = 48, .model_max_length = 48, .limit = 2}),
                      {.batch = 2, .bucket = 1, .seed = 1});
  CHECK(loader.steps(0) == 1);
  const Batch both = loader.batch(0, 0);
  CHECK(both.sequences() == 6);
  CHECK(both.targets.size() == 2);
  const Loader budget(Tokenized(train, tokenizer, {.max_length = 48, .model_max_length = 48}),
                      {.batch = 0, .tokens = 20, .seed = 1});
  CHECK(budget.steps(0) == 3);
  for (int i = 0; i < 3; ++i) CHECK(budget.batch(0, i).sequences() == 3);
}

TEST_CASE("malformed multiple choice", "[data]") {
  const Folder folder;
  const auto refused = [&](std::string_view text, std::initializer_list<std::string_view> parts) {
    folder.put("train.csv", text);
    return missing_in_error([&] { read_task("choice", folder, "train"); }, parts);
  };
  CHECK(refused("", {"empty"}) == "");
  CHECK(refused("context,choice0,choice1,label\n", {"no examples"}) == "");
  CHECK(refused("choice0,choice1,label\n", {"no column \"context\""}) == "");
  CHECK(refused("context,choice0,label\n", {"no column \"choice1\""}) == "");
  CHECK(refused("context,choice0,choice1,choice3,label\n", {"\"choice3\", but none \"choice2\""}) == "");
  CHECK(refused("context,choice0,choice1,label\nx,a,b,2\n", {"line 2, column \"label\"", "\"2\"", "0 to 1"}) == "");
  CHECK(refused("context,choice0,choice1,label\nx,a,b,\n", {"column \"label\""}) == "");
  CHECK(refused("context,choice0,choice1,label\nx,a,b,0.5\n", {"\"0.5\""}) == "");
  CHECK(refused("context,choice0,choice1,label\nx,a,b,-1\n", {"\"-1\""}) == "");
  CHECK(refused("context,choice0,choice1,label\nx,,b,0\n", {"column \"choice0\"", "no text"}) == "");
  CHECK(refused("context,choice0,choice1,label\nx,a,0\n", {"line 2", "3 fields, 4 were expected"}) == "");
  folder.put("train.csv", "context,choice0,choice1,label\nx,a,b,0\n");
  folder.put("dev.csv", "context,choice0,choice1,choice2,label\nx,a,b,c,0\n");
  const auto train = read_task("choice", folder, "train");
  CHECK(missing_in_error([&] { read_task("choice", folder, "dev", Labels::Required, &train); },
                         {"dev.csv", "3 choices, but 2"}) == "");
}
