// SPDX-License-Identifier: Apache-2.0
// Tiny tokenizers of every family compared with Hugging Face's, and a model file with SentencePiece;
// tests/golden/pipelines.py makes the references.
#include <cstdint>
#include <filesystem>
#include <peft/io/json.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/text/tokenizer.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "data_temporary.hpp"

using peft::Tokenizer;
using Ids = std::vector<std::int32_t>;

namespace {

const std::filesystem::path pipelines_golden = std::filesystem::path(PEFT_TEST_DATA) / "pipelines";

std::string content(const nlohmann::json& text) {
  std::string out;
  if (text.contains("hex")) {
    const std::string hex = text.at("hex");
    for (std::size_t i = 0; i < hex.size(); i += 2) out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return out;
  }
  for (int i = text.value("times", 1); i > 0; --i) out += text.at("text").get<std::string>();
  return out;
}

// As `brief` in pipelines.py: what is long is there as its size and a hash.
nlohmann::json brief(nlohmann::json value, std::string_view bytes) {
  if (bytes.size() <= 1200) return value;
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash));
  return {{"size", bytes.size()}, {"fnv", hex}};
}
nlohmann::json brief(const std::string& text) { return brief(text, text); }
nlohmann::json brief(const Ids& ids) {
  std::string bytes;
  for (const std::int32_t id : ids)
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(id >> shift & 0xFF);
  return brief(ids, bytes);
}

std::string charsmap() {
  const peft::MappedFile file(pipelines_golden / "nmt_nfkc.txt");
  return std::string(file.text().substr(0, file.text().find('\n')));
}

// The compiled rules, which the files only name, put in.
Tokenizer open(const std::string& family) {
  const peft::MappedFile file(pipelines_golden / family / "tokenizer.json");
  std::string text(file.text());
  constexpr std::string_view name = "(nmt_nfkc.txt)";
  if (const auto at = text.find(name); at != text.npos) text.replace(at, name.size(), charsmap());
  const Folder folder{{"tokenizer.json", text}};
  return Tokenizer::open(folder);
}

}  // namespace

TEST_CASE("Tokenizers of all families give the reference's ids and texts", "[text]") {
  const auto reference = peft::parse_json_file(pipelines_golden / "cases.json");
  const auto& cases = reference.at("cases");
  REQUIRE(cases.size() > 300);
  for (const std::string family : {"roberta", "roberta_prefix", "llama3", "qwen2", "smollm", "llama2", "t5", "deberta",
                                   "unigram_bytes", "marked_bpe", "words"}) {
    const Tokenizer tokenizer = open(family);
    const auto& answers = reference.at(family);
    REQUIRE(answers.size() == cases.size());
    for (std::size_t i = 0; i < cases.size(); ++i) {
      INFO(family << ": " << cases[i].dump() << " " << answers[i].dump());
      const std::string a = content(cases[i].at("a"));
      const std::string b = cases[i].contains("b") ? content(cases[i].at("b")) : std::string();
      const int limit = cases[i].value("max_length", 0);
      const auto made = tokenizer.encode(a, b, limit > 0 ? limit : Tokenizer::unlimited);
      CHECK(brief(made.ids) == answers[i].at("ids"));
      CHECK(made.types == answers[i].value("types", Ids(made.ids.size(), 0)));
      CHECK(brief(tokenizer.decode(made.ids)) == answers[i].at("text"));
      CHECK(brief(tokenizer.decode(made.ids, false)) == answers[i].value("all", answers[i].at("text")));
    }
  }
}

TEST_CASE("A SentencePiece model file alone gives SentencePiece's ids", "[text]") {
  const Tokenizer tokenizer = Tokenizer::open(pipelines_golden / "sentencepiece");
  const auto answers = peft::parse_json_file(pipelines_golden / "cases.json").at("sentencepiece");
  REQUIRE(answers.size() > 150);
  for (const auto& answer : answers) {
    INFO(answer.dump());
    CHECK(brief(tokenizer.ids(content(answer.at("a")))) == answer.at("ids"));
  }
  const std::int32_t end = tokenizer.id("</s>");
  CHECK(Ids{tokenizer.pad(), end, tokenizer.unk(), tokenizer.eos()} == Ids{0, 1, 2, 1});
  CHECK(tokenizer.cls() == -1);
  const auto pair = tokenizer.encode("the a", "a");
  CHECK(pair.ids.back() == end);
  CHECK(std::count(pair.ids.begin(), pair.ids.end(), end) == 2);
  CHECK(pair.types == Ids(pair.ids.size(), 0));
  CHECK(tokenizer.decode(pair.ids) == "the a a");
}

TEST_CASE("Special tokens of every family: their slots, their roles", "[text]") {
  const Tokenizer roberta = open("roberta");
  CHECK(Ids{roberta.cls(), roberta.pad(), roberta.sep(), roberta.unk(), roberta.mask()} == Ids{0, 1, 2, 3, 4});
  CHECK(Ids{roberta.bos(), roberta.eos()} == Ids{0, 2});
  const auto pair = roberta.encode("a", "b");
  CHECK(pair.ids == Ids{0, roberta.id("a"), 2, 2, roberta.id("b"), 2});
  CHECK(pair.slots == Ids{0, -1, 1, 2, -1, 3});
  CHECK(roberta.added(true) == 4);
  const auto deberta = open("deberta").encode("a", "b");
  CHECK(deberta.ids.front() == 1);
  CHECK(deberta.slots.front() == 0);
  CHECK(deberta.slots.back() == 2);
  CHECK(deberta.types.back() == 1);

  const Folder folder{{"tokenizer.json", peft::MappedFile(pipelines_golden / "smollm" / "tokenizer.json").text()},
                      {"tokenizer_config.json", R"({"bos_token": "<|im_start|>"})"},
                      {"special_tokens_map.json",
                       R"({"bos_token": "<|endoftext|>", "eos_token": {"content": "<|im_end|>"}, "pad_token": null})"}};
  const Tokenizer smollm = Tokenizer::open(folder);
  CHECK(Ids{smollm.bos(), smollm.eos(), smollm.pad(), smollm.cls()} == Ids{0, 2, -1, -1});  // the map has the last word
  CHECK(smollm.token(1) == "<|im_start|>");
  CHECK(!smollm.token(-1));
  CHECK(!smollm.token(1 << 30));
  CHECK(smollm.decode(Ids{1, smollm.id("a"), -5, 1 << 30, 2}) == "a");
  CHECK(smollm.decode(Ids{1, smollm.id("a"), 2}, false) == "<|im_start|>a<|im_end|>");
}
