// SPDX-License-Identifier: Apache-2.0
// What a tokenizer's file can make of a text is bounded, in a sentence; and what many added tokens cost.
#include <peft/text/tokenizer.hpp>

#include <nlohmann/json.hpp>

#include <string>

#include "catch.hpp"
#include "data_temporary.hpp"

using nlohmann::json;
using peft::Tokenizer;

namespace {

json base() {
  return {{"model", {{"type", "WordPiece"}, {"unk_token", "[UNK]"}, {"vocab", {{"[UNK]", 0}, {"e", 1}, {"q", 2}}}}}};
}

Tokenizer with(const char* part, const json& value) {
  json all = base();
  all[part] = value;
  return Tokenizer::open(Folder{{"tokenizer.json", all.dump()}});
}

json many(const char* key, int count, const json& step) {
  return {{"type", "Sequence"}, {key, std::vector<json>(static_cast<std::size_t>(count), step)}};
}
json replace(const char* from, const std::string& to) {
  return {{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
}

}  // namespace

TEST_CASE("bounds: a normaliser's text does not grow without end", "[text]") {
  const auto refused = [](const json& normalizer) {
    const Tokenizer t = with("normalizer", normalizer);
    return missing_in_error([&] { t.ids("a text with ten letters e"); },
                            {"the tokenizer's normalizer makes more than 5696 bytes of a text of 25"});
  };
  CHECK(refused(many("normalizers", 28, replace("e", "ee"))) == "");
  CHECK(refused(replace("e", std::string(1'000'000, 'e'))) == "");
  CHECK(refused(many("normalizers", 24, {{"type", "Replace"}, {"pattern", {{"Regex", "e|a"}}}, {"content", "aaa"}})) ==
        "");
  CHECK(refused(many("normalizers", 100, {{"type", "Prepend"}, {"prepend", std::string(100, 'x')}})) == "");
  CHECK(refused(many("normalizers", 40, {{"type", "ByteLevel"}})) == "");
  CHECK(with("normalizer", many("normalizers", 4, replace("e", "ee"))).ids(std::string(1000, 'e')).size() == 1);
}

TEST_CASE("bounds: nor does a pre-tokenizer's, or a decoder's", "[text]") {
  const Tokenizer t = with("pre_tokenizer", many("pretokenizers", 40, {{"type", "ByteLevel"}, {"use_regex", false}}));
  CHECK(missing_in_error([&] { t.ids("a text"); }, {"the tokenizer's pre_tokenizer makes more than"}) == "");
  const Tokenizer decoded = with("decoder", many("decoders", 40, replace("e", "ee")));
  CHECK(missing_in_error([&] { decoded.decode(std::vector<std::int32_t>{1}); },
                         {"the tokenizer's decoder makes more than"}) == "");
}

TEST_CASE("bounds: steps, special tokens and long tokens", "[text]") {
  const json lower = {{"type", "Lowercase"}}, a = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
             b = {{"Sequence", {{"id", "B"}, {"type_id", 0}}}};
  CHECK(missing_in_error([&] { with("normalizer", many("normalizers", 101, lower)); },
                         {"tokenizer.json: normalizer", "more than 100 steps"}) == "");
  const json post = {{"type", "TemplateProcessing"},
                     {"single", {{{"SpecialToken", {{"id", "x"}, {"type_id", 0}}}}, a}},
                     {"pair", {a, b}},
                     {"special_tokens", {{"x", {{"ids", std::vector<int>(1001, 1)}}}}}};
  CHECK(missing_in_error([&] { with("post_processor", post); },
                         {"post_processor", "1001 special tokens", "at most 1000"}) == "");
  CHECK(missing_in_error([&] { with("added_tokens", {{{"id", 3}, {"content", std::string(1025, 'x')}}}); },
                         {"added token", "1025 bytes, at most 1024"}) == "");
  json piece = base();
  piece["model"]["vocab"][std::string(1025, 'x')] = 3;
  CHECK(missing_in_error([&] { Tokenizer::open(Folder{{"tokenizer.json", piece.dump()}}); },
                         {"tokenizer.json: model", "a token of 1025 bytes, at most 1024"}) == "");
  const json unigram = {
      {"type", "Unigram"},
      {"unk_id", 0},
      {"vocab", json::array({json::array({"<unk>", 0.0}), json::array({std::string(1025, 'x'), -1.0})})}};
  CHECK(missing_in_error([&] { with("model", unigram); }, {"a token of 1025 bytes"}) == "");
}

TEST_CASE("bounds: tens of thousands of added tokens are found at once", "[text]") {
  constexpr int count = 20000;  // 4 s where each was compared with all others
  json added = json::array();
  for (int i = 0; i < count; ++i)
    added.push_back({{"id", 3 + i}, {"content", "<|s_" + std::to_string(i) + "|>"}, {"special", true}});
  const Tokenizer t = with("added_tokens", added);
  CHECK(t.ids("<|s_7|><|s_19999|> <|s_77<|s_77|>") == std::vector<std::int32_t>{10, 20002, 0, 80});
  CHECK(t.id("<|s_123|>") == 126);
  CHECK(t.token(126) == "<|s_123|>");
  CHECK(t.vocab_size() == count + 3);
}

TEST_CASE("bounds: of added tokens that begin alike the longest counts", "[text]") {
  const Tokenizer t = with("added_tokens", {{{"id", 3}, {"content", "ab"}, {"special", true}},
                                            {{"id", 4}, {"content", "abc"}, {"special", true}},
                                            {{"id", 5}, {"content", "b"}, {"special", true}}});
  CHECK(t.ids("abcabb") == std::vector<std::int32_t>{4, 3, 5});
}
