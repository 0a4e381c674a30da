// SPDX-License-Identifier: Apache-2.0
// What a file can make a reader take in memory and time is bounded, in a sentence; what people have is within.
#include <peft/core/error.hpp>
#include <peft/io/checkpoint.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_lines.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_targets.hpp>
#include <peft/io/safetensors_header.hpp>

#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "io_temporary.hpp"

using namespace peft;
using namespace std::string_literals;

namespace {

std::string times(std::size_t count, std::string_view text) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

std::string header_error(const std::string& header, std::size_t data = 0) {
  const std::string bytes = safetensors_bytes(header, data);
  return error_of([&] { read_safetensors_header(std::as_bytes(std::span(bytes)), "file"); });
}

PeftAdapter lora(const nlohmann::json& more) {
  PeftAdapter adapter;
  adapter.config = {{"peft_type", "LORA"}, {"target_modules", {"query"}}};
  adapter.config.update(more);
  return adapter;
}

std::string targets_error(const nlohmann::json& more) {
  const PeftAdapter adapter = lora(more);
  return error_of([&] { PeftTargets(adapter, adapter.fields()).objection("a.query"); });
}

nlohmann::json keys(std::size_t count, const std::string& begin) {
  auto all = nlohmann::json::object();
  for (std::size_t i = 0; i < count; ++i) all[begin + std::to_string(i)] = 2;
  return all;
}

std::string patterns_error(const nlohmann::json& patterns) {
  const PeftAdapter adapter = lora({{"rank_pattern", patterns}});
  return error_of([&] { PeftPatterns(adapter, adapter.fields(), "rank_pattern", 1, 8).value("a.query", 1); });
}

}  // namespace

TEST_CASE("bounds: a zero byte ends no JSON document") {
  for (const std::string& text : {"{\"a\": 1}\0{\"b\": 2}"s, "{\"a\": 1}\0"s, "\0{\"a\": 1}"s, "{\"a\0\": 1}"s})
    CHECK(lacks(error_of([&] { parse_json(text, "file.json"); }),
                {"file.json", "invalid JSON at byte", "a zero byte"}) == "");
  const std::string line = "{\"a\": 1}\0x\n"s;
  CHECK(lacks(error_of([&] { JsonLines(line, "f.jsonl").next(); }), {"f.jsonl, line 1", "a zero byte"}) == "");
  CHECK(lacks(header_error("{}\0  "s), {"header", "a zero byte"}) == "");
  const Temporary folder;
  put(folder / "model.safetensors.index.json", R"({"weight_map": {"a": "one.safetensors\u0000"}})");
  CHECK(lacks(error_of([&] { Checkpoint::open(folder.path()); }), {"the name of a file in the same folder"}) == "");
}

TEST_CASE("bounds: values of a document") {
  CHECK(parse_json("[1, [2], {\"a\": 3}]", "f", 6).size() == 3);
  CHECK(lacks(error_of([&] { parse_json("[1, [2], {\"a\": 3}]", "f", 5); }),
              {"f: invalid JSON at byte 1", "more than 5 values"}) == "");
}

TEST_CASE("bounds: members come one by one") {
  std::string seen;
  const auto note = [&](std::string& key, nlohmann::json& value) { seen += key + "=" + value.dump() + ";"; };
  for_each_member(R"({"b": [1, {"c": [2]}], "a": {}, "": "x", "n": null})", "f", note);
  CHECK(seen == R"(b=[1,{"c":[2]}];a={};="x";n=null;)");
  for (const char* other : {"[]", "1", "null", "\"a\""})
    CHECK(lacks(error_of([&] { for_each_member(other, "f", note); }), {"an object was expected"}) == "");
  for (const char* bad : {"{", "{}}", "{\"a\"}", "{\"a\": 1} 2", ""})
    CHECK_THROWS_AS(for_each_member(bad, "f", note), Error);
}

TEST_CASE("bounds: a header takes no more memory than its tensors") {
  // 3 MB that would become 100 MB of empty lists
  const std::string lists = "[" + times((1 << 20) - 1, "[],") + "[]]";
  CHECK(lacks(header_error(R"({"__metadata__": {"a": )" + lists + "}}"),
              {"file: header", "more than 1048576 values in one member"}) == "");
  CHECK(lacks(header_error(
                  R"({"a": {"dtype": "F32", "shape": [)" + times(64, "1, ") + R"(1], "data_offsets": [0, 4]}})", 4),
              {"\"shape\"", "at most 64 integers"}) == "");
  CHECK(
      lacks(
          header_error(
              R"({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}, "a": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]}})",
              2),
          {"file: header", "\"a\" appears twice"}) == "");
  CHECK(lacks(header_error(R"({"__metadata__": {}, "__metadata__": {}})"), {"\"__metadata__\" appears twice"}) == "");
}

TEST_CASE("bounds: a header of many tensors is read, and they come in the order of their data") {
  constexpr std::size_t count = 20000;
  std::string header = "{";
  for (std::size_t i = 0; i < count; ++i)
    header += cat(i > 0 ? "," : "", "\"t", (i * 7919) % count, "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[",
                  i, ",", i + 1, "]}");
  const std::string bytes = safetensors_bytes(header + "}", count);
  const auto read = read_safetensors_header(std::as_bytes(std::span(bytes)), "file");
  REQUIRE(read.tensors.size() == count);
  CHECK(read.tensors[1].name == "t7919");
}

TEST_CASE("bounds: names and patterns of an adapter") {
  std::vector<std::string> names;
  for (int i = 0; i < 1001; ++i) names.push_back(cat("m", i));
  CHECK(targets_error({{"modules_to_save", names}}).find("\"modules_to_save\"") != std::string::npos);
  CHECK(targets_error({{"layers_pattern", names}, {"layers_to_transform", {1}}}).find("at most 1000 names") !=
        std::string::npos);
  names.push_back("query");
  CHECK(targets_error({{"target_modules", names}}) == "");
  CHECK(patterns_error(keys(1000, "(x|y)")) == "");
  CHECK(lacks(patterns_error(keys(1001, "(x|y)")),
              {"rank_pattern", "more than 1000 keys that are regular expressions"}) == "");
  CHECK(patterns_error(keys(23000, "model.layers.0.experts.")) == "");
  CHECK(lacks(patterns_error(keys((1 << 16) + 1, "m")), {"rank_pattern", "65537 keys, at most 65536"}) == "");
}

TEST_CASE("bounds: targets by endings") {
  const PeftAdapter adapter = lora({{"target_modules", {"query", "attn.k", "a.b"}}});
  const PeftTargets targets(adapter, adapter.fields());
  for (const char* inside : {"query", "a.query", "x.attn.k", "attn.k", "a.b"}) CHECK(targets.objection(inside) == "");
  for (const char* outside : {"xquery", "k", "attn.k.x", "b", "", "xattn.k"})
    CHECK(targets.objection(outside) == "is not among target_modules");
}
