// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <peft/io/json.hpp>
#include <peft/text/sequence_template.hpp>
#include <peft/text/tokenizer.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "data_temporary.hpp"

using peft::Tokenizer;
using Ids = std::vector<std::int32_t>;

namespace {

const std::string vocabulary =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##able\n##ab\nable\n!\ngood\nGood\nfilm\n\xE4\xB8\xAD\n\xC3\xA9t\n";
enum : std::int32_t { Pad, Unk, Cls, Sep, Mask, Un, XAble, XAb, Able, Bang, Good, BigGood, Film, Zhong, Et };

nlohmann::json document() {
  return nlohmann::json::parse(R"({
    "truncation": {"max_length": 3}, "padding": {"strategy": {"Fixed": 128}},
    "added_tokens": [{"id": 2, "content": "[CLS]", "special": true, "normalized": false},
                     {"id": 3, "content": "[SEP]", "special": true, "normalized": false},
                     {"id": 40, "content": "[MINE]", "normalized": false}],
    "normalizer": {"type": "BertNormalizer", "lowercase": true, "strip_accents": null},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
      "pair": [{"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}},
               {"Sequence": {"id": "A", "type_id": 0}}],
      "special_tokens": {"[CLS]": {"ids": [2]}, "[SEP]": {"ids": [3]}}},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
      "max_input_chars_per_word": 10, "vocab": {"[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "good": 10, "film": 12}}})");
}

// "" when opening the changed document fails with a message that holds the parts.
std::string refused(const std::function<void(nlohmann::json&)>& change, std::initializer_list<std::string_view> parts) {
  auto json = document();
  change(json);
  const Folder folder{{"tokenizer.json", json.dump()}};
  return missing_in_error([&] { Tokenizer::open(folder); }, parts);
}

}  // namespace

TEST_CASE("vocab.txt alone makes an uncased BERT tokenizer", "[text]") {
  const Folder folder{{"vocab.txt", vocabulary}};
  const auto tokenizer = Tokenizer::open(folder);
  CHECK(tokenizer.vocab_size() == 15);
  CHECK(Ids{tokenizer.pad(), tokenizer.unk(), tokenizer.cls(), tokenizer.sep(), tokenizer.mask()} ==
        Ids{0, 1, 2, 3, 4});
  CHECK(Ids(tokenizer.special_tokens().begin(), tokenizer.special_tokens().end()) == Ids{0, 1, 2, 3, 4});
  CHECK(tokenizer.id("film") == Film);
  CHECK(tokenizer.id("movie") == -1);
  CHECK(tokenizer.encode("Good unable film!").ids == Ids{Cls, Good, Un, XAble, Film, Bang, Sep});
  CHECK(tokenizer.encode("unableab unableabx").ids == Ids{Cls, Un, XAble, XAb, Unk, Sep});
  CHECK(tokenizer.encode("").ids == Ids{Cls, Sep});
  CHECK(tokenizer
            .encode("good\xE4\xB8\xAD\xFF"
                    "film")
            .ids == Ids{Cls, Good, Zhong, Film, Sep});
  CHECK(tokenizer.encode("a [MASK] film").ids == Ids{Cls, Unk, Mask, Film, Sep});
  CHECK(tokenizer.encode("a [mask]").ids == Ids{Cls, Unk, Unk, Unk, Unk, Sep});

  const auto pair = tokenizer.encode("good", "film !");
  CHECK(pair.ids == Ids{Cls, Good, Sep, Film, Bang, Sep});
  CHECK(pair.types == Ids{0, 0, 0, 1, 1, 1});
  CHECK(tokenizer.encode_pair("good", "").types == Ids{0, 0, 0, 1});
  CHECK(tokenizer.encode(peft::Example{"good", "film", 0.5}).target == 0.5);
}

TEST_CASE("vocab.txt with Windows line ends, without the last one", "[text]") {
  std::string text = vocabulary.substr(0, vocabulary.size() - 1);
  for (std::size_t at = 0; (at = text.find('\n', at)) != text.npos; at += 2) text.insert(at, 1, '\r');
  const Folder folder{{"vocab.txt", text}};
  CHECK(Tokenizer::open(folder).encode("film").ids == Ids{Cls, Film, Sep});
  CHECK(Tokenizer::open(folder).vocab_size() == 15);
}

TEST_CASE("tokenizer_config.json decides about case and names the role tokens", "[text]") {
  const Folder folder{{"vocab.txt", vocabulary + "<m>\n"}, {"tokenizer_config.json", R"({"do_lower_case": false})"}};
  CHECK(Tokenizer::open(folder).encode("Good \xC3\xA9t").ids == Ids{Cls, BigGood, Et, Sep});
  folder.put("tokenizer_config.json",
             R"({"do_lower_case": true, "strip_accents": false, "mask_token": {"content": "<m>"}})");
  CHECK(Tokenizer::open(folder).encode("Good \xC3\x89T").ids == Ids{Cls, Good, Et, Sep});
  CHECK(Tokenizer::open(folder).encode("<m>").ids == Ids{Cls, 15, Sep});
  CHECK(Tokenizer::open(folder).mask() == 15);
  folder.put("tokenizer_config.json", R"({"tokenize_chinese_chars": false})");
  CHECK(Tokenizer::open(folder).encode("good\xE4\xB8\xAD").ids == Ids{Cls, Unk, Sep});
  folder.put("tokenizer_config.json", R"({"added_tokens_decoder": {"20": {"content": "[MINE]", "special": true}}})");
  CHECK(Tokenizer::open(folder).encode("good[MINE]").ids == Ids{Cls, Good, 15 + 1, Sep});
  CHECK(Tokenizer::open(folder).vocab_size() == 17);  // behind the vocabulary, whatever the file says
  const auto opens = [&] { Tokenizer::open(folder); };
  folder.put("tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "[MINE]"}}})");
  CHECK(missing_in_error(opens, {"tokenizer_config.json", "added_tokens_decoder", "\"x\" is not the id"}) == "");
  folder.put("tokenizer_config.json", R"({"do_lower_case": "yes"})");
  CHECK(missing_in_error(opens, {"tokenizer_config.json", "do_lower_case", "true or false"}) == "");
  folder.put("tokenizer_config.json", R"({"cls_token": "<s>"})");
  CHECK(missing_in_error(opens, {"vocab.txt", "lacks \"<s>\""}) == "");
}

TEST_CASE("Truncation takes from the longer sentence first", "[text]") {
  using Lengths = std::pair<std::size_t, std::size_t>;
  CHECK(peft::longest_first(3, 4, 7) == Lengths{3, 4});
  CHECK(peft::longest_first(2, 9, 7) == Lengths{2, 5});
  CHECK(peft::longest_first(9, 2, 7) == Lengths{5, 2});
  CHECK(peft::longest_first(9, 9, 7) == Lengths{3, 4});
  CHECK(peft::longest_first(9, 8, 7) == Lengths{4, 3});
  CHECK(peft::longest_first(9, 8, 0) == Lengths{0, 0});
  CHECK(peft::longest_first(9, 0, 4) == Lengths{4, 0});
  const Folder folder{{"vocab.txt", vocabulary}};
  const auto tokenizer = Tokenizer::open(folder);
  CHECK(tokenizer.encode("good film !", {}, 4).ids == Ids{Cls, Good, Film, Sep});
  CHECK(tokenizer.encode("good film !", "unable", 6).ids == Ids{Cls, Good, Film, Sep, Un, Sep});
  CHECK(tokenizer.encode("good", {}, 2).ids == Ids{Cls, Sep});
  CHECK(missing_in_error([&] { tokenizer.encode("good", {}, 1); }, {"length of 1", "2 special tokens"}) == "");
  CHECK(missing_in_error([&] { tokenizer.encode("good", "film", 2); }, {"length of 2", "3 special tokens of a pair"}) ==
        "");
  CHECK(missing_in_error([&] { tokenizer.encode("good", {}, -1); }, {"-1"}) == "");
}

TEST_CASE("tokenizer.json: its template, its added tokens, none of its padding and truncation", "[text]") {
  const Folder folder{{"tokenizer.json", document().dump()}, {"vocab.txt", "not read"}};
  const auto tokenizer = Tokenizer::open(folder);
  CHECK(tokenizer.vocab_size() == 13);
  CHECK(tokenizer.encode("G\xC3\xB6od good[MINE]film film").ids == Ids{Cls, Good, Good, 5, Film, Film});
  CHECK(tokenizer.encode("goodgoodgood").ids == Ids{Cls, Unk});
  const auto pair = tokenizer.encode("good", "film");
  CHECK(pair.ids == Ids{Film, Sep, Good});
  CHECK(pair.types == Ids{1, 1, 0});
  CHECK(Ids(tokenizer.special_tokens().begin(), tokenizer.special_tokens().end()) == Ids{Cls, Sep});
  CHECK(tokenizer.mask() == -1);

  auto bare = document();
  bare["normalizer"] = nullptr;
  bare["post_processor"] = nullptr;
  folder.put("tokenizer.json", bare.dump());
  CHECK(Tokenizer::open(folder).encode("good Good", "film").ids == Ids{Good, Unk, Film});
  CHECK(Tokenizer::open(folder).encode("good", "film").types == Ids{0, 1});
}

TEST_CASE("Malformed tokenizer files", "[text]") {
  const Folder none;
  CHECK(missing_in_error([&] { Tokenizer::open(none); }, {"neither tokenizer.json nor vocab.txt"}) == "");
  const Folder folder{{"tokenizer.json", "{\"model\": "}};
  const auto opens = [&] { Tokenizer::open(folder); };
  CHECK(missing_in_error(opens, {"tokenizer.json", "invalid JSON"}) == "");
  folder.put("tokenizer.json", "[]");
  CHECK(missing_in_error(opens, {"tokenizer.json", "object was expected"}) == "");
  folder.put("tokenizer.json", "");
  CHECK(missing_in_error(opens, {"tokenizer.json", "empty"}) == "");

  CHECK(refused([](auto& j) { j.erase("model"); }, {"\"model\" is missing"}) == "");
  CHECK(refused([](auto& j) { j["model"]["type"] = "WordLevel"; }, {"model is of type \"WordLevel\"", "WordPiece"}) ==
        "");
  CHECK(refused([](auto& j) { j["model"]["type"] = "BPE"; }, {"model", "\"merges\" is missing"}) == "");
  CHECK(refused([](auto& j) { j["model"]["vocab"]["good"] = 12; }, {"\"film\" and \"good\" have the same id, 12"}) ==
        "");
  CHECK(refused([](auto& j) { j["model"].erase("vocab"); }, {"model", "\"vocab\" is missing"}) == "");
  CHECK(refused([](auto& j) { j["model"]["vocab"] = {"a", "b"}; }, {"vocab", "object was expected"}) == "");
  CHECK(refused([](auto& j) { j["model"]["vocab"]["good"] = -1; }, {"\"good\" is -1", "an integer from 0"}) == "");
  CHECK(refused([](auto& j) { j["model"]["vocab"]["good"] = 1.5; }, {"\"good\" is 1.5"}) == "");
  CHECK(refused([](auto& j) { j["model"]["vocab"]["good"] = 4294967298; }, {"\"good\" is 4294967298"}) == "");
  CHECK(refused([](auto& j) { j["model"]["vocab"]["good"] = "1"; }, {"\"good\" is \"1\""}) == "");
  CHECK(refused([](auto& j) { j["model"]["unk_token"] = "<unk>"; }, {"vocab", "\"<unk>\""}) == "");
  CHECK(refused([](auto& j) { j["model"]["vocab"] = nlohmann::json::object(); }, {"none of its 0 tokens"}) == "");
  CHECK(refused([](auto& j) { j["model"]["max_input_chars_per_word"] = -3; }, {"max_input_chars_per_word", "-3"}) ==
        "");
  CHECK(refused([](auto& j) { j["normalizer"]["type"] = "Other"; },
                {"normalizer is of type \"Other\"", "BertNormalizer"}) == "");
  CHECK(refused([](auto& j) { j["normalizer"]["lowercase"] = 1; }, {"normalizer", "\"lowercase\" is 1"}) == "");
  CHECK(refused([](auto& j) { j["pre_tokenizer"]["type"] = "Other"; }, {"pre_tokenizer is of type \"Other\""}) == "");
  CHECK(refused([](auto& j) { j["pre_tokenizer"] = 1; }, {"pre_tokenizer", "object was expected"}) == "");
  CHECK(refused([](auto& j) { j["post_processor"]["type"] = "Other"; }, {"post_processor is of type"}) == "");
  CHECK(refused([](auto& j) { j["post_processor"]["single"] = 5; }, {"\"single\" is 5", "an array"}) == "");
  CHECK(refused([](auto& j) { j["post_processor"]["single"].clear(); }, {"single must hold the sequence A once"}) ==
        "");
  CHECK(refused([](auto& j) { j["post_processor"]["pair"][0]["Sequence"]["id"] = "A"; }, {"pair must hold"}) == "");
  CHECK(refused([](auto& j) { j["post_processor"]["pair"][0]["Sequence"]["id"] = "C"; },
                {"pair[0]: Sequence", "\"C\""}) == "");
  CHECK(refused([](auto& j) { j["post_processor"]["special_tokens"].erase("[SEP]"); }, {"\"[SEP]\" is missing"}) == "");
  CHECK(refused([](auto& j) { j["post_processor"]["special_tokens"]["[SEP]"]["ids"] = {-3}; }, {"token ids only"}) ==
        "");
  CHECK(refused([](auto& j) { j["added_tokens"][2].erase("id"); }, {"added_tokens[2]", "\"id\" is missing"}) == "");
  CHECK(refused([](auto& j) { j["added_tokens"] = "x"; }, {"\"added_tokens\" is \"x\"", "an array"}) == "");
  const auto bert = [](nlohmann::json cls) {
    return [cls](auto& j) { j["post_processor"] = {{"type", "BertProcessing"}, {"cls", cls}, {"sep", {"[SEP]", 3}}}; };
  };
  CHECK(refused(bert({"[CLS]", "2"}), {"post_processor", "\"cls\"", "a token and its id"}) == "");
  CHECK(refused(bert(nullptr), {"\"cls\" is missing"}) == "");

  const Folder words{{"vocab.txt", "hello\nworld\n"}};
  CHECK(missing_in_error([&] { Tokenizer::open(words); }, {"vocab.txt", "2 tokens lacks \"[UNK]\""}) == "");
  words.put("vocab.txt", "");
  CHECK(missing_in_error([&] { Tokenizer::open(words); }, {"vocab.txt", "0 tokens"}) == "");
  words.put("vocab.txt", vocabulary + "\xFF\n");
  CHECK(missing_in_error([&] { Tokenizer::open(words); }, {"vocab.txt, line 16", "UTF-8"}) == "");
}

TEST_CASE("Any bytes at all are tokenised without fault", "[text]") {
  const auto tokenizer = Tokenizer::open(std::string(PEFT_TEST_DATA) + "/wordpiece/odd");
  std::uint64_t state = 1;
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (int i = 0; i < 24; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const auto draw = state >> 33;
      // mostly from the places where UTF-8 goes wrong and added tokens begin
      constexpr std::string_view nasty = "\x80\xBF\xC0\xC3\xE2\xED\xA0\xF0\x90\xF4\xFF <lr>solo[NEW]\xC3\x89";
      text += draw % 4 == 0 ? static_cast<char>(draw >> 8) : nasty[draw / 4 % nasty.size()];
    }
    const auto made = tokenizer.encode(text);
    REQUIRE(made.ids.size() == made.types.size());
    for (const auto id : made.ids) REQUIRE((id >= 0 && static_cast<std::size_t>(id) < tokenizer.vocab_size()));
    CHECK(tokenizer.ids(text) == tokenizer.ids(peft::utf8::repaired(text)));
  }
}
