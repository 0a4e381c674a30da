// SPDX-License-Identifier: Apache-2.0
// Folders whose tokenizer is put together from several files, compared with transformers' fast classes;
// tests/golden/assembled.py makes the references.
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

const std::filesystem::path assembled_golden = std::filesystem::path(PEFT_TEST_DATA) / "assembled";
const std::filesystem::path pipeline_files = std::filesystem::path(PEFT_TEST_DATA) / "pipelines";

std::string bytes_of(const std::filesystem::path& file) { return std::string(peft::MappedFile(file).text()); }

// vocab.json and merges.txt of a byte-level tokenizer.json.
void put_byte_level(const Folder& folder, const std::string& family) {
  const auto model = peft::parse_json_file(pipeline_files / family / "tokenizer.json").at("model");
  std::string merges = "#version: 0.2\n";
  for (const auto& merge : model.at("merges"))
    merges += merge.is_string() ? merge.get<std::string>() + "\n"
                                : merge[0].get<std::string>() + " " + merge[1].get<std::string>() + "\n";
  folder.put("vocab.json", model.at("vocab").dump());
  folder.put("merges.txt", merges);
}

nlohmann::json special(const char* content, int id) {
  return {{"content", content}, {"id", id}, {"special", true}, {"normalized", false}};
}

}  // namespace

TEST_CASE("Files of slow tokenizers give the ids of the fast class", "[text]") {
  const auto reference = peft::parse_json_file(assembled_golden / "cases.json");
  const auto& texts = reference.at("texts");
  REQUIRE(reference.at("folders").size() >= 18);
  for (const auto& [name, expected] : reference.at("folders").items()) {
    const Folder folder;
    for (const auto& [file, content] : expected.at("files").items()) folder.put(file, content.dump());
    const std::string source = expected.at("source");
    if (const auto colon = source.find(':'); colon != source.npos)
      folder.put(source.substr(colon + 1), bytes_of(assembled_golden / (source.substr(0, colon) + ".model")));
    else if (source == "bert")
      folder.put("vocab.txt", bytes_of(std::filesystem::path(PEFT_TEST_DATA) / "tiny-bert" / "vocab.txt"));
    else
      put_byte_level(folder, source);
    const Tokenizer tokenizer = Tokenizer::open(folder);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      INFO(name << ": " << texts[i].dump());
      CHECK(tokenizer.encode(texts[i].get<std::string>()).ids == expected.at("ids")[i].get<Ids>());
    }
    INFO(name);
    CHECK(tokenizer.encode("the film", "a plot").ids == expected.at("pair").get<Ids>());
    CHECK(tokenizer.vocab_size() == expected.at("rows").get<std::size_t>());
  }
}

TEST_CASE("Added tokens have the vocabulary's id, or the next one", "[text]") {
  auto json = peft::parse_json_file(pipeline_files / "words" / "tokenizer.json");
  const auto rows = static_cast<std::int32_t>(json["model"]["vocab"].size());
  const std::int32_t great = json["model"]["vocab"]["great"];
  json["added_tokens"] = {special("great", great + 1), special("<e1>", rows + 7), special("<e2>", 0),
                          special("<e1>", 5)};
  const Folder folder{{"tokenizer.json", json.dump()}};
  const Tokenizer made = Tokenizer::open(folder);
  CHECK(made.ids("<e2>great<e1>") == Ids{rows + 1, great, rows});

  // What only tokenizer_config.json has comes behind, by its ids; what it describes otherwise is changed.
  folder.put("tokenizer_config.json", R"({"added_tokens_decoder": {"999": {"content": "<f2>", "special": true},
      "998": {"content": "<f1>", "special": true}, "3": {"content": "<e1>", "lstrip": true, "special": true, "normalized": false}},
      "pad_token": "<p>", "additional_special_tokens": ["<q>"]})");
  const Tokenizer more = Tokenizer::open(folder);
  CHECK(more.ids("<f1><f2><p><q>") == Ids{rows + 2, rows + 3, rows + 4, rows + 5});
  CHECK(more.ids("a  <e1>") == Ids{more.id("a"), rows});
  CHECK(more.pad() == rows + 4);
}

TEST_CASE("A class has its own mind about some settings", "[text]") {
  auto json = peft::parse_json_file(pipeline_files / "roberta" / "tokenizer.json");
  json["pre_tokenizer"]["add_prefix_space"] = true;
  const Folder folder{{"tokenizer.json", json.dump()}};
  const Ids spaced = Tokenizer::open(folder).ids("the");
  folder.put("tokenizer_config.json", R"({"tokenizer_class": "RobertaTokenizerFast"})");
  const Ids bare = Tokenizer::open(folder).ids("the");
  CHECK(bare != spaced);
  folder.put("tokenizer_config.json", R"({"tokenizer_class": "RobertaTokenizerFast", "add_prefix_space": true})");
  CHECK(Tokenizer::open(folder).ids("the") == spaced);

  // <s> and </s> of a Llama: the template's, unless the config speaks
  const Folder llama{{"tokenizer.json", bytes_of(pipeline_files / "llama2" / "tokenizer.json")},
                     {"config.json", R"({"model_type": "llama"})"}};
  CHECK(Tokenizer::open(llama).before() == Ids{1});
  llama.put("tokenizer_config.json",
            R"({"add_bos_token": false, "add_eos_token": true, "tokenizer_class": "LlamaTokenizer"})");
  CHECK(Tokenizer::open(llama).before().empty());
  CHECK(Tokenizer::open(llama).encode("a").ids.back() == 2);
  llama.put("tokenizer_config.json", R"({"add_bos_token": false, "tokenizer_class": "PreTrainedTokenizerFast"})");
  CHECK(Tokenizer::open(llama).before() == Ids{1});
  llama.put(
      "tokenizer_config.json",
      R"({"add_bos_token": true, "bos_token": "", "tokenizer_class": "LlamaTokenizer", "chat_template": "{{ x }}"})");
  CHECK(Tokenizer::open(llama).has_chat_template());
}

TEST_CASE("Words given one by one come with their space where the model is byte-level", "[text]") {
  auto json = peft::parse_json_file(pipeline_files / "roberta" / "tokenizer.json");
  const Folder hub{{"tokenizer.json", json.dump()}};
  json["pre_tokenizer"]["add_prefix_space"] = true;
  const Folder spaced{{"tokenizer.json", json.dump()}};
  const std::vector<std::string_view> words{"the", "film's", "<mask>", ".", "EU"};
  const Tokenizer a = Tokenizer::open(hub), b = Tokenizer::open(spaced);
  CHECK(a.encode_words(words).ids == b.encode_words(words).ids);
  CHECK(a.encode_words(words).first == b.encode_words(words).first);
  CHECK(a.ids("the") != b.ids("the"));
}

TEST_CASE("Split patterns of any kind", "[text]") {
  auto json = peft::parse_json_file(pipeline_files / "qwen2" / "tokenizer.json");
  const auto split = [](const char* regex) {
    return nlohmann::json{
        {"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}};
  };
  const nlohmann::json bytes{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  const auto decoded = [&](const nlohmann::json& steps, const std::string& text) {
    json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", steps}};
    json["model"]["merges"] = nlohmann::json::array();  // one token a byte
    const Folder folder{{"tokenizer.json", json.dump()}};
    return Tokenizer::open(folder).ids(text).size();
  };
  CHECK(decoded({split(R"(\s?\p{L}+)"), split(R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}]*[\p{Ll}]+|\p{N})"), bytes},
                "The 12 x's") == 10);
  // a cut keeps tokens apart that would be joined
  json = peft::parse_json_file(pipeline_files / "qwen2" / "tokenizer.json");
  const auto ids = [&](const nlohmann::json& steps, const std::string& text) {
    json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", steps}};
    const Folder folder{{"tokenizer.json", json.dump()}};
    return Tokenizer::open(folder).ids(text);
  };
  const Ids whole = ids({split("the"), bytes}, "the"), cut = ids({split("(?=h)"), bytes}, "the");
  CHECK(whole.size() == 1);
  CHECK(cut.size() == 2);
  CHECK(ids({split("[a-z&&[^t]]+"), bytes}, "the") == cut);
}

TEST_CASE("A null add_prefix_space is false where slow files are converted", "[text]") {
  for (const auto& [made_by, file] : {std::pair{"LlamaTokenizerFast", "llama.model"},
                                      {"T5TokenizerFast", "../pipelines/sentencepiece/spiece.model"}}) {
    const auto begins = [&](const char* setting) {
      const Folder folder;
      folder.put(std::filesystem::path(file).filename() == "llama.model" ? "tokenizer.model" : "spiece.model",
                 bytes_of(assembled_golden / file));
      folder.put("tokenizer_config.json", std::string("{\"tokenizer_class\": \"") + made_by + "\"" + setting + "}");
      const Tokenizer tokenizer = Tokenizer::open(folder);
      return tokenizer.token(tokenizer.ids("a")[0]).value_or("").starts_with("\xE2\x96\x81");
    };
    CHECK(begins(""));
    CHECK(begins(", \"add_prefix_space\": true"));
    CHECK_FALSE(begins(", \"add_prefix_space\": null"));
  }
}

TEST_CASE("Hostile files beside a tokenizer", "[text]") {
  const Folder folder;
  put_byte_level(folder, "roberta");
  const auto opens = [&] { Tokenizer::open(folder); };
  folder.put("config.json", R"({"model_type": "roberta"})");
  CHECK(Tokenizer::open(folder).cls() == 0);
  folder.put("added_tokens.json", R"({"[E]": -1})");
  CHECK(missing_in_error(opens, {"added_tokens.json", "\"[E]\" is -1"}) == "");
  folder.put("added_tokens.json", "[1]");
  CHECK(missing_in_error(opens, {"added_tokens.json"}) == "");
  folder.put("added_tokens.json", "{}");
  folder.put("special_tokens_map.json", R"({"additional_special_tokens": "<q>"})");
  CHECK(missing_in_error(opens, {"special_tokens_map.json", "an array of tokens"}) == "");
  folder.put("special_tokens_map.json", R"({"additional_special_tokens": [3]})");
  CHECK(missing_in_error(opens, {"special_tokens_map.json", "additional_special_tokens"}) == "");
  folder.put("special_tokens_map.json", "{}");
  folder.put("merges.txt", "#version: 0.2\na b c\n");
  CHECK(missing_in_error(opens, {"merges.txt, line 2: \"a b c\"", "two tokens"}) == "");
  folder.put("merges.txt", "a nowhere\n");
  CHECK(missing_in_error(opens, {"merges.txt, line 1", "\"nowhere\" is not in the vocabulary"}) == "");
  folder.put("merges.txt", "");
  folder.put("vocab.json", R"({"a": 1, "b": 1})");
  CHECK(missing_in_error(opens, {"the same id, 1"}) == "");
  folder.put("vocab.json", R"({"a": 1})");
  CHECK(missing_in_error(opens, {"vocab.json", "s>\", which is put around a text"}) == "");

  // any damage to a byte-pair model of SentencePiece's is refused or harmless
  const std::string sound = bytes_of(assembled_golden / "llama.model");
  std::uint64_t state = 5;
  for (int round = 0; round < 60; ++round) {
    std::string bytes = sound;
    for (int i = 0; i < 3; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      bytes[(state >> 33) % bytes.size()] = static_cast<char>(state >> 25);
    }
    if (round % 5 == 0) bytes.resize((state >> 33) % bytes.size());
    const Folder damaged{{"tokenizer.model", bytes}};
    try {
      const auto ids = Tokenizer::open(damaged).encode("the caf\xC3\xA9").ids;
      CHECK(!ids.empty());
    } catch (const peft::Error& error) {
      CHECK(std::string_view(error.what()).size() > 10);
    }
  }
}
