// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <limits>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <string>

#include "catch.hpp"
#include "io_temporary.hpp"

using namespace peft;

namespace {
std::string json_error(const std::string& text) {
  return error_of([&] { parse_json(text, "file.json"); });
}
}  // namespace

TEST_CASE("json: every kind of value") {
  const auto j = parse_json(R"( {"a": [1, -2, 2.5, true, false, null, "x\u00e9\n"], "b": {"c": {}}, "d": []} )", "f");
  CHECK(j["a"].size() == 7);
  CHECK(j["a"][0] == 1);
  CHECK(j["a"][1] == -2);
  CHECK(j["a"][2] == 2.5);
  CHECK(j["a"][3] == true);
  CHECK(j["a"][5].is_null());
  CHECK(j["a"][6] == "x\xc3\xa9\n");
  CHECK(j["b"]["c"].is_object());
  CHECK(j["d"].is_array());
  CHECK(parse_json("7", "f") == 7);
  CHECK(parse_json("\xef\xbb\xbf{}", "f").is_object());  // a byte order mark
  CHECK(parse_json("18446744073709551615", "f") == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("json: errors name the file and the byte") {
  CHECK(lacks(json_error(R"({"a": 1, })"), {"file.json", "byte 10"}) == "");
  CHECK(lacks(json_error(R"({"a": 1, "a": 2})"), {"\"a\" appears twice", "byte 12"}) == "");
  CHECK(lacks(json_error("[1e999]"), {"byte", "overflow"}) == "");
  CHECK(lacks(json_error(""), {"empty"}) == "");
}

TEST_CASE("json: hostile documents") {
  for (const char* text : {"{",
                           "[",
                           "\"",
                           "{\"a\"",
                           "{\"a\":",
                           "[1,",
                           "[1 2]",
                           "{}{}",
                           "{} x",
                           "nul",
                           "NaN",
                           "Infinity",
                           "[-Infinity]",
                           "01",
                           "+1",
                           ".5",
                           "1.",
                           "'a'",
                           "{a: 1}",
                           "[\"\\x\"]",
                           "\"\\ud800\"",
                           "\"\t\"",
                           "// comment\n{}",
                           "\"\xff\"",
                           "\"\xc0\xaf\"",
                           "\"\xed\xa0\x80\"",
                           "\"\xf5\x80\x80\x80\""}) {
    INFO(text);
    CHECK(lacks(json_error(text), {"file.json"}) == "");
  }
  CHECK(lacks(json_error(std::string("{\"a\0\":1}", 8)), {"file.json"}) == "");
  CHECK(lacks(json_error(std::string(1, '\0')), {"file.json"}) == "");
  CHECK(json_error(std::string(100, '[') + std::string(100, ']')).empty());
  CHECK(lacks(json_error(std::string(101, '[') + std::string(101, ']')), {"deeper than 100"}) == "");
  CHECK(lacks(json_error(std::string(3'000'000, '[')), {"deeper than 100"}) == "");
  std::string objects;
  for (int i = 0; i < 500'000; ++i) objects += "{\"a\":";
  CHECK(lacks(json_error(objects), {"deeper than 100"}) == "");
  CHECK(json_error("\"" + std::string(5'000'000, 'x') + "\"").empty());
  CHECK(json_error("[" + std::string(1'000'000, '1') + "]") != "");  // a number beyond every range
}

TEST_CASE("json: typed fields") {
  const auto j = parse_json(R"({"i": 3, "big": 18446744073709551615, "neg": -1, "x": 0.5, "t": true, "s": "text",
                                "list": ["a", "b"], "mixed": ["a", 1], "null": null})",
                            "f");
  const JsonFields fields(j, "f.json");
  CHECK(fields.integer("i", 0, 10) == 3);
  CHECK(fields.integer("none", 0, 10, 7) == 7);
  CHECK(fields.integer("null", 0, 10, 7) == 7);
  CHECK(fields.integer("neg", -5, 10) == -1);
  CHECK(fields.number("i", 0, 10) == 3);
  CHECK(fields.number("x", 0, 1) == 0.5);
  CHECK(fields.boolean("t", false));
  CHECK(fields.text("s") == "text");
  CHECK(fields.texts("list") == std::vector<std::string>{"a", "b"});
  CHECK(fields.texts("none").empty());
  CHECK(lacks(error_of([&] { fields.integer("i", 4, 10); }), {"f.json", "\"i\" is 3"}) == "");
  CHECK_THROWS_AS(fields.integer("i", 0, 2), Error);
  CHECK_THROWS_AS(fields.integer("big", 0, std::numeric_limits<std::int64_t>::max()), Error);
  CHECK_THROWS_AS(fields.integer("big", -5, 5), Error);
  CHECK_THROWS_AS(fields.integer("neg", 0, 5), Error);
  CHECK_THROWS_AS(fields.integer("x", 0, 5), Error);
  CHECK_THROWS_AS(fields.integer("t", 0, 5), Error);
  CHECK(lacks(error_of([&] { fields.integer("none", 0, 10); }), {"\"none\" is missing"}) == "");
  CHECK_THROWS_AS(fields.number("s", 0, 1), Error);
  CHECK_THROWS_AS(fields.boolean("i", false), Error);
  CHECK_THROWS_AS(fields.text("i"), Error);
  CHECK_THROWS_AS(fields.texts("mixed"), Error);
  CHECK_THROWS_AS(fields.texts("s"), Error);
  CHECK_THROWS_AS(JsonFields(j["i"], "f"), Error);
}

TEST_CASE("json: text that is not UTF-8 is refused when written") {
  CHECK_THROWS_AS(to_text(nlohmann::json("\xff"), -1, "f"), Error);
  CHECK(to_text(nlohmann::json({{"a", 1}}), -1, "f") == R"({"a":1})");
}
