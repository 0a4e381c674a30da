// SPDX-License-Identifier: Apache-2.0
// Ids and words compared with those of Hugging Face's tokenizers; tests/golden/tokens.py makes the references.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <peft/io/json.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/text/normalize/bert.hpp>
#include <peft/text/split/bert.hpp>
#include <peft/text/tokenizer.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"

namespace {

const std::filesystem::path golden = std::filesystem::path(PEFT_TEST_DATA) / "wordpiece";

std::string bytes_of(const nlohmann::json& text) {
  if (text.contains("text")) return text.at("text");
  const std::string hex = text.at("hex");
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2) out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return out;
}

std::uint64_t fnv(std::string_view data, std::uint64_t value = 0xCBF29CE484222325u) {
  for (const char c : data) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return value;
}

std::vector<std::int32_t> numbers(std::string_view& from, std::size_t count) {
  std::vector<std::int32_t> out(count);
  REQUIRE(from.size() >= 4 * count);
  std::memcpy(out.data(), from.data(), 4 * count);
  from.remove_prefix(4 * count);
  return out;
}

}  // namespace

TEST_CASE("WordPiece gives the reference's ids for awkward text", "[text]") {
  const auto cases = peft::parse_json_file(golden / "cases.json").at("cases");
  for (const std::string name : {"uncased", "cased", "odd"}) {
    const auto tokenizer = peft::Tokenizer::open(golden / name);
    REQUIRE(cases.at(name).size() > 200);
    for (const auto& reference : cases.at(name)) {
      INFO(name << ": " << reference.dump());
      const std::string a = bytes_of(reference.at("a")), b = bytes_of(reference.at("b"));
      const int limit = reference.at("max_length");
      const auto made = tokenizer.encode(a, b, limit > 0 ? limit : peft::Tokenizer::unlimited);
      CHECK(made.ids == reference.at("ids").get<std::vector<std::int32_t>>());
      CHECK(made.types == reference.at("types").get<std::vector<std::int32_t>>());
    }
  }
}

TEST_CASE("Every code point is normalised and split as the reference does", "[text]") {
  const auto cases = peft::parse_json_file(golden / "cases.json");
  const auto left_out = cases.at("version_dependent").get<std::vector<std::pair<char32_t, char32_t>>>();
  const auto is_left_out = [&](char32_t c) {
    for (const auto& [first, last] : left_out)
      if (c >= first && c <= last) return true;
    return c >= 0xD800 && c < 0xE000;
  };
  const std::pair<std::string, peft::BertNormalizer> normalizers[] = {
      {"uncased", {}}, {"cased", {true, true, false, false}}, {"odd", {false, false, false, true}}};
  for (const auto& [name, normalizer] : normalizers) {
    const auto blocks = cases.at("sweep").at(name).get<std::vector<std::string>>();
    REQUIRE(blocks.size() == 0x110);
    for (std::size_t block = 0; block < blocks.size(); ++block) {
      std::uint64_t hash = fnv("");
      for (auto c = static_cast<char32_t>(block * 4096); c < (block + 1) * 4096; ++c) {
        if (is_left_out(c)) continue;
        std::string text = "x";
        peft::utf8::append(text, c);
        peft::for_each_bert_word(normalizer(text + "Y"),
                                 [&](std::string_view word) { hash = fnv("\n", fnv(word, hash)); });
      }
      INFO(name << ", from code point " << block * 4096);
      CHECK(hash == std::stoull(blocks[block], nullptr, 16));
    }
  }
}

// PEFT_TOKENS_MODEL: a checkpoint's folder; PEFT_TOKENS_REFERENCE: what `tokens.py real` wrote for it.
TEST_CASE("A real tokenizer gives the reference's ids on every sentence of the data sets", "[text][real]") {
  const char* model = std::getenv("PEFT_TOKENS_MODEL");
  const char* reference = std::getenv("PEFT_TOKENS_REFERENCE");
  if (model == nullptr || reference == nullptr) {
    WARN(
        "skipped: set PEFT_TOKENS_MODEL to a checkpoint and PEFT_TOKENS_REFERENCE to what tests/golden/tokens.py "
        "wrote");
    return;
  }
  const auto tokenizer = peft::Tokenizer::open(model);
  const peft::MappedFile file(reference);
  std::string_view rest = file.text();
  std::size_t texts = 0, different = 0, undecoded = 0;
  while (!rest.empty()) {
    const auto head = numbers(rest, 6);
    const auto size_a = static_cast<std::size_t>(head[0]), size_b = static_cast<std::size_t>(head[1]);
    const auto ids = numbers(rest, static_cast<std::size_t>(head[3])), types = numbers(rest, ids.size());
    const auto take = [&](std::size_t size) {
      REQUIRE(rest.size() >= size);
      const std::string_view taken = rest.substr(0, size);
      rest.remove_prefix(size);
      return taken;
    };
    const auto size_decoded = static_cast<std::size_t>(head[4]), size_all = static_cast<std::size_t>(head[5]);
    const std::string_view a = take(size_a), b = take(size_b), decoded = take(size_decoded), all = take(size_all);
    take((4 - (size_a + size_b + size_decoded + size_all) % 4) % 4);
    const auto made = tokenizer.encode(a, b, head[2] > 0 ? head[2] : peft::Tokenizer::unlimited);
    if (tokenizer.decode(ids) != decoded || tokenizer.decode(ids, false) != all)
      if (++undecoded <= 10) UNSCOPED_INFO("decoded otherwise: \"" << a << "\" | \"" << b << "\"");
    ++texts;
    if (made.ids == ids && made.types == types) continue;
    if (++different <= 10) UNSCOPED_INFO("differs: \"" << a << "\" | \"" << b << "\" limit " << head[2]);
  }
  INFO(different << " of " << texts << " texts differ, " << undecoded << " are decoded otherwise");
  CHECK(texts > 0);
  CHECK(different == 0);
  CHECK(undecoded == 0);
}
