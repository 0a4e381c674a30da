// SPDX-License-Identifier: Apache-2.0
// Words of a sentence and their first pieces, compared with Hugging Face's tokenizers; tests/golden/words.py makes the
// reference.
#include <peft/io/json.hpp>
#include <peft/text/tokenizer.hpp>
#include <peft/text/unicode/characters.hpp>

#include "catch.hpp"
#include "data_temporary.hpp"

TEST_CASE("words are encoded one by one, and their first pieces found, as by the reference", "[text]") {
  const auto golden = std::filesystem::path(PEFT_TEST_DATA) / "wordpiece";
  const auto cases = peft::parse_json_file(golden / "words.json");
  int cut = 0, lost = 0;
  for (const std::string name : {"uncased", "cased", "odd"}) {
    const auto tokenizer = peft::Tokenizer::open(golden / name);
    REQUIRE(cases.at(name).size() == 60);
    for (const auto& reference : cases.at(name)) {
      INFO(name << ": " << reference.dump());
      const auto words = reference.at("words").get<std::vector<std::string>>();
      const std::vector<std::string_view> views(words.begin(), words.end());
      const int limit = reference.at("max_length");
      const auto made = tokenizer.encode_words(views, limit > 0 ? limit : peft::Tokenizer::unlimited);
      CHECK(made.ids == reference.at("ids").get<std::vector<std::int32_t>>());
      CHECK(made.types == std::vector<std::int32_t>(made.ids.size(), 0));
      CHECK(made.first == reference.at("first").get<std::vector<std::int32_t>>());
      cut += static_cast<int>(made.ids.size()) == limit;
      lost += std::count(made.first.begin(), made.first.end(), -1) > 0;
    }
  }
  CHECK(cut > 20);
  CHECK(lost > 20);
}

TEST_CASE("word characters of a Unicode newer than utf8proc's", "[text]") {
  for (const char32_t c : {0x2EBF0, 0x2ED74, 0x31350, 0x897, 0x10D40})
    CHECK(peft::characters::is_word(c));  // letters, a mark, a digit
  for (const char32_t c : {0x2FFC, 0x2FFFE, 0x1CC00}) CHECK_FALSE(peft::characters::is_word(c));  // symbols, nothing
}

TEST_CASE("words where not even the special tokens fit", "[text]") {
  const auto tokenizer = peft::Tokenizer::open(std::filesystem::path(PEFT_TEST_DATA) / "tiny-bert");
  const std::vector<std::string_view> words{"good"};
  CHECK(tokenizer.encode_words(words, 2).first == std::vector<std::int32_t>{-1});
  CHECK(tokenizer.encode_words({}, 2).ids.size() == 2);
  CHECK(missing_in_error([&] { tokenizer.encode_words(words, 1); }, {"no room", "2 special tokens"}) == "");
}
