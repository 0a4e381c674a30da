// SPDX-License-Identifier: Apache-2.0
// Tokenizer files that are wrong: each is refused with what, where and what was expected.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <peft/io/json.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/text/tokenizer.hpp>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "data_temporary.hpp"

using peft::Tokenizer;

namespace {

const std::filesystem::path tokenizer_files = std::filesystem::path(PEFT_TEST_DATA) / "pipelines";

std::string base64_of(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) out += i + k > bytes.size() ? '=' : digits[bits >> (18 - 6 * k) & 63];
  }
  return out;
}

std::string words(std::initializer_list<std::uint32_t> numbers) {
  std::string out;
  for (const std::uint32_t number : numbers)
    for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(number >> shift & 0xFF);
  return out;
}

// "" when the changed tokenizer is refused with a message that holds the parts.
std::string refused(const std::string& family, const std::function<void(nlohmann::json&)>& change,
                    std::initializer_list<std::string_view> parts) {
  auto json = peft::parse_json_file(tokenizer_files / family / "tokenizer.json");
  change(json);
  const Folder folder{{"tokenizer.json", json.dump()}};
  return missing_in_error([&] { Tokenizer::open(folder); }, parts);
}

std::string refused_charsmap(const std::string& text, std::initializer_list<std::string_view> parts) {
  return refused(
      "roberta",
      [&](auto& j) {
        j["normalizer"] = {{"type", "Sequence"},
                           {"normalizers", {{{"type", "Precompiled"}, {"precompiled_charsmap", text}}}}};
      },
      parts);
}

std::string refused_model_file(std::string_view bytes, std::initializer_list<std::string_view> parts) {
  const Folder folder{{"spm.model", bytes}};
  return missing_in_error([&] { Tokenizer::open(folder); }, parts);
}

}  // namespace

TEST_CASE("Malformed byte-pair encodings", "[text]") {
  const auto merge = [](nlohmann::json value) { return [value](auto& j) { j["model"]["merges"][1] = value; }; };
  CHECK(refused("roberta", merge({"a", "nowhere"}),
                {"tokenizer.json: model: merge 1", "\"nowhere\" is not in the vocabulary"}) == "");
  CHECK(refused("roberta", merge({"a", "<pad>"}), {"merge 1", "\"a<pad>\" is not"}) == "");
  CHECK(refused("roberta", merge({"a", "b", "c"}), {"merges[1] is an array of 3 values", "two tokens"}) == "");
  CHECK(refused("roberta", merge({"a", 1}), {"merges[1]"}) == "");
  CHECK(refused("roberta", merge("a"), {"merges[1] is \"a\""}) == "");
  CHECK(refused("roberta", merge("a b c"), {"merges[1] is \"a b c\""}) == "");
  CHECK(refused("roberta", merge(nullptr), {"merges[1] is null"}) == "");
  CHECK(refused("roberta", [](auto& j) { j["model"]["merges"] = {{"a", 1}}; },
                {"\"merges\" is an object", "an array"}) == "");
  CHECK(refused("roberta", [](auto& j) { j["model"]["vocab"]["a"] = 7; }, {"model", "the same id, 7"}) == "");
  CHECK(refused("roberta", [](auto& j) { j["model"]["vocab"]["a"] = 2147483647; }, {"\"a\" is 2147483647"}) == "");
  CHECK(refused("roberta", [](auto& j) { j["model"]["vocab"]["a"] = -1; }, {"\"a\" is -1"}) == "");
  CHECK(refused("roberta", [](auto& j) { j["model"]["unk_token"] = "?unk"; }, {"\"?unk\" is not in the vocabulary"}) ==
        "");
  CHECK(refused("roberta", [](auto& j) { j["model"]["dropout"] = 0.1; }, {"\"dropout\" is 0.1", "null"}) == "");
  CHECK(refused("roberta", [](auto& j) { j["post_processor"]["cls"] = {"<s>"}; }, {"\"cls\"", "a token and its id"}) ==
        "");
  CHECK(refused("llama3", [](auto& j) { j["post_processor"]["processors"][0] = j["post_processor"]["processors"][1]; },
                {"processors[1]", "a second one"}) == "");
}

TEST_CASE("Malformed Unigram models", "[text]") {
  const auto model = [](const char* key, nlohmann::json value) {
    return [=](auto& j) {
      j["normalizer"] = nullptr;
      j["model"][key] = value;
    };
  };
  CHECK(refused("t5", model("unk_id", 100000), {"tokenizer.json: model", "100000 is none of the"}) == "");
  CHECK(refused("t5", model("unk_id", -1), {"\"unk_id\" is -1"}) == "");
  CHECK(
      refused("t5",
              model("vocab", nlohmann::json::array({nlohmann::json::array({"a", -1.5}), nlohmann::json::array({"b"})})),
              {"vocab[1] is an array of 1 values", "a token and its score"}) == "");
  CHECK(refused("t5", model("vocab", nlohmann::json::array({nlohmann::json::array({"a", "x"})})), {"vocab[0]"}) == "");
  CHECK(refused("t5", model("vocab", nlohmann::json::array({nlohmann::json::array({1, 1.0})})), {"vocab[0]"}) == "");
  CHECK(refused("t5", model("vocab", nullptr), {"\"vocab\" is missing"}) == "");
  CHECK(refused("t5", model("vocab", nlohmann::json::array()), {"none of the 0 tokens"}) == "");
  auto json = peft::parse_json_file(tokenizer_files / "t5" / "tokenizer.json");
  json["normalizer"] = nullptr;
  json["model"]["unk_id"] = nullptr;
  const Folder folder{{"tokenizer.json", json.dump()}};
  const Tokenizer without = Tokenizer::open(folder);
  CHECK(missing_in_error([&] { without.encode("a\xE2\x98\xA2"); }, {"no token for", "no unknown token"}) == "");
}

TEST_CASE("Steps that are unknown or malformed", "[text]") {
  const auto put = [](const char* part, nlohmann::json value) { return [=](auto& j) { j[part] = value; }; };
  CHECK(refused("llama2", put("normalizer", {{"type", "Magic"}}),
                {"normalizer is of type \"Magic\"", "known are", "NFKC"}) == "");
  CHECK(refused("llama2", put("pre_tokenizer", {{"type", "Magic"}}),
                {"pre_tokenizer is of type \"Magic\"", "ByteLevel"}) == "");
  CHECK(refused("llama2", put("post_processor", {{"type", "Magic"}}),
                {"post_processor is of type \"Magic\"", "Roberta"}) == "");
  CHECK(refused("llama2", put("model", {{"type", "Magic"}, {"vocab", {}}}), {"model", "\"vocab\" is missing"}) == "");
  CHECK(refused("llama2", [](auto& j) { j["model"]["type"] = "Magic"; }, {"model is of type \"Magic\"", "Unigram"}) ==
        "");
  CHECK(refused("llama3", [](auto& j) { j["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "\\X+"; },
                {"pretokenizers[0]: pattern: the pattern \"\\X+\""}) == "");
  CHECK(refused("llama3", [](auto& j) { j["pre_tokenizer"]["pretokenizers"][0]["behavior"] = "Glued"; },
                {"pretokenizers[0]", "\"behavior\" is \"Glued\"", "Isolated"}) == "");
  CHECK(refused("llama3", [](auto& j) { j["pre_tokenizer"]["pretokenizers"] = 3; },
                {"\"pretokenizers\" is 3", "an array"}) == "");
  CHECK(refused("llama3", [](auto& j) { j["pre_tokenizer"]["pretokenizers"][1] = 3; },
                {"pretokenizers[1]", "object"}) == "");
  CHECK(refused("llama2", [](auto& j) { j["normalizer"]["normalizers"][1]["pattern"] = {{"Regex", "[a-"}}; },
                {"normalizers[1]: pattern: the pattern \"[a-\""}) == "");
  CHECK(refused("t5", [](auto& j) { j["normalizer"] = nullptr, j["pre_tokenizer"]["replacement"] = "__"; },
                {"\"replacement\" is \"__\"", "one character"}) == "");
  CHECK(refused("t5", [](auto& j) { j["normalizer"] = nullptr, j["pre_tokenizer"]["prepend_scheme"] = "last"; },
                {"\"prepend_scheme\" is \"last\"", "first"}) == "");
}

TEST_CASE("A decoder that cannot be read is refused by whoever decodes", "[text]") {
  const auto undecoded = [](const std::function<void(nlohmann::json&)>& change,
                            std::initializer_list<std::string_view> parts) {
    auto json = peft::parse_json_file(tokenizer_files / "llama2" / "tokenizer.json");
    change(json);
    const Folder folder{{"tokenizer.json", json.dump()}};
    const Tokenizer made = Tokenizer::open(folder);
    CHECK(made.encode("the").ids.size() > 1);
    return missing_in_error([&] { made.decode({}); }, parts);
  };
  CHECK(undecoded([](auto& j) { j["decoder"] = {{"type", "CTC"}}; }, {"decoder is of type \"CTC\"", "Fuse"}) == "");
  CHECK(undecoded([](auto& j) { j["decoder"]["decoders"][3]["start"] = -1; }, {"decoders[3]", "\"start\" is -1"}) ==
        "");
  CHECK(undecoded([](auto& j) { j["decoder"]["decoders"][3]["content"] = ""; }, {"one character"}) == "");
}

TEST_CASE("Compiled rules that are none", "[text]") {
  CHECK(refused_charsmap("(nmt_nfkc.txt)", {"normalizers[0]: precompiled_charsmap", "base64"}) == "");
  CHECK(refused_charsmap("AAA", {"3 characters", "a multiple of four"}) == "");
  CHECK(refused_charsmap("A=AA", {"character 1 is none of base64"}) == "");
  CHECK(refused_charsmap("", {"0 bytes, expected a trie"}) == "");
  CHECK(refused_charsmap(base64_of(words({4000, 0})), {"a trie of 4000 bytes, but the map has 8"}) == "");
  CHECK(refused_charsmap(base64_of(words({6, 0, 0, 0})), {"a trie of 6 bytes"}) == "");
  CHECK(refused_charsmap(base64_of(words({0xFFFFFFFC, 0})), {"a trie of 4294967292 bytes"}) == "");
  // a unit that ends a key, with its value beyond the trie; then a value beyond the replacements; then inside a
  // character
  CHECK(refused_charsmap(base64_of(words({8, 0, 1u << 8 | 5u << 10})),
                         {"unit 1 of the trie points outside its 2 units"}) == "");
  CHECK(refused_charsmap(base64_of(words({8, 1u << 31 | 9, 1u << 8 | 1u << 10}) + "ab"), {"at byte 9 of 2 bytes"}) ==
        "");
  CHECK(refused_charsmap(base64_of(words({8, 1u << 31 | 1, 1u << 8 | 1u << 10}) + "\xC3\xA9"),
                         {"at byte 1 of 2 bytes"}) == "");
  CHECK(refused_charsmap(base64_of(words({8, 0, 0}) + "\xC3"), {"not UTF-8"}) == "");
}

TEST_CASE("Any damage to compiled rules is refused or harmless", "[text]") {
  const peft::MappedFile file(tokenizer_files / "sentencepiece" / "spiece.model");
  const std::string sound(file.text());
  std::uint64_t state = 3;
  int read = 0, refusals = 0;
  for (int round = 0; round < 400; ++round) {
    std::string bytes = sound;
    for (int i = 0; i < 3; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      // the rules are the last kilobytes of the file
      bytes[bytes.size() - 1 - (state >> 33) % (round % 2 == 0 ? 3000 : bytes.size())] = static_cast<char>(state >> 25);
    }
    if (round % 5 == 0) bytes.resize((state >> 33) % bytes.size());
    const Folder folder{{"spiece.model", bytes}};
    try {
      const auto tokenizer = Tokenizer::open(folder);
      for (const std::string text : {"the ABC caf\xC3\xA9 \xEF\xAC\x81", "\t\xE3\x80\x80 a\x01z", "\xE2\x98\x83"}) {
        const auto made = tokenizer.encode(text);
        CHECK(made.ids.size() == made.types.size());
        tokenizer.decode(made.ids);
      }
      ++read;
    } catch (const peft::Error& error) {
      CHECK(std::string_view(error.what()).size() > 10);
      ++refusals;
    }
  }
  CHECK(read > 20);
  CHECK(refusals > 20);
}

TEST_CASE("Malformed SentencePiece models", "[text]") {
  CHECK(refused_model_file("", {"spm.model"}) == "");
  CHECK(refused_model_file("\x0A\x7F", {"spm.model, byte 2", "a field of 127 bytes, but 0 are left"}) == "");
  CHECK(refused_model_file("\x0B", {"wire type 3", "no protobuf"}) == "");
  CHECK(refused_model_file("\x80\x80\x80", {"a number that does not end"}) == "");
  CHECK(refused_model_file("\x0A\x03\x0A\x01\xFF", {"piece 0 is not UTF-8"}) == "");
  CHECK(refused_model_file(std::string_view("\x0A\x02\x08\x01", 4), {"field 1", "wire type 0, expected 2"}) == "");
  CHECK(refused_model_file("\x0A\x03\x0A\x01"
                           "a"
                           "\x0A\x03\x0A\x01"
                           "a",
                           {"piece 1, \"a\", comes a second time"}) == "");
  CHECK(refused_model_file("\x0A\x03\x0A\x01"
                           "a"
                           "\x12\x02\x18\x03",
                           {"1 pieces and a model of type 3", "byte-pair encoding (2)"}) == "");
  const Folder none;
  CHECK(missing_in_error([&] { Tokenizer::open(none); },
                         {"neither tokenizer.json nor vocab.txt", "merges.txt, spiece.model"}) == "");
}
