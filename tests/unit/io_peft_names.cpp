// SPDX-License-Identifier: Apache-2.0
// Names of an adapter's tensors and modules: what is left over in them, and which patterns mean them.
#include <nlohmann/json.hpp>
#include <peft/io/json.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_load.hpp>
#include <peft/io/peft_names.hpp>
#include <peft/io/peft_targets.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "io_temporary.hpp"

using namespace peft;
using nlohmann::json;

namespace {

const std::string query = "bert.encoder.layer.0.attention.self.query";

PeftAdapter adapter_with(const std::vector<std::string>& names, const char* kind = "LORA") {
  PeftAdapter a;
  a.config = {{"peft_type", kind}, {"r", 1}, {"lora_alpha", 2}};
  float value = 0;
  for (const auto& name : names) a.add(name, {1, 1}, {++value});
  return a;
}

std::vector<std::string> settled(const std::vector<std::string>& names, const char* kind = "LORA") {
  PeftAdapter a = adapter_with(names, kind);
  settle_names(a);
  std::vector<std::string> result;
  for (const auto& t : a.tensors) result.push_back(t.name);
  return result;
}

double alpha(const std::vector<std::pair<std::string, double>>& patterns, const std::string& path = query) {
  PeftAdapter a = adapter_with({});
  a.config["alpha_pattern"] = json::object();
  for (const auto& [key, value] : patterns) {
    a.config["alpha_pattern"][key] = value;
    a.key_order["alpha_pattern"].push_back(key);
  }
  return *PeftPatterns(a, a.fields(), "alpha_pattern", -100, 100).value(path, 2);
}

}  // namespace

TEST_CASE("peft names: what is left over of wrappers, containers and the adapter's name") {
  const std::string plain = query + ".lora_A.weight", full = "base_model.model." + plain;
  for (const char* start : {"base_model.model.", "", "module.base_model.model.", "_orig_mod.base_model.model.",
                            "base_model.model._orig_mod.", "base_model.model.base_model.model.", "module._orig_mod.",
                            "_fsdp_wrapped_module.base_model.model.", "base_model."}) {
    INFO(start);
    CHECK(settled({start + plain}) == std::vector{full});
    CHECK(settled({start + query + ".lora_A.default.weight"}) == std::vector{full});
    CHECK(settled({start + query + ".lora_A.my_task.weight"}) == std::vector{full});
  }
  CHECK(settled({"base_model.model.bert._orig_mod.encoder.lora_A.weight"}) ==
        std::vector<std::string>{"base_model.model.bert.encoder.lora_A.weight"});
  CHECK(settled({"base_model.model.classifier.modules_to_save.default.weight"}) ==
        std::vector<std::string>{"base_model.model.classifier.weight"});
  CHECK(settled({"base_model.model.classifier.modules_to_save.weight"}) ==
        std::vector<std::string>{"base_model.model.classifier.weight"});
  CHECK(settled({"classifier.modules_to_save.t.dense.weight", "x.lora_A.t.weight"})[0] ==
        "base_model.model.classifier.dense.weight");
  CHECK(settled({"base_model.model.classifier.original_module.weight"}).empty());
  CHECK(settled({"base_model.model.lm_head.base_layer.weight"}) ==
        std::vector<std::string>{"base_model.model.lm_head.weight"});
  CHECK(settled({"base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta"}) ==
        std::vector<std::string>{"base_model.model.model.embed_tokens.trainable_tokens_delta"});
  CHECK(settled({"base_model.model.q.lora_magnitude_vector.default.weight"}) ==
        std::vector<std::string>{"base_model.model.q.lora_magnitude_vector"});
  CHECK(settled({"q.lora_embedding_A.default"}) == std::vector<std::string>{"base_model.model.q.lora_embedding_A"});
  CHECK(settled({"q.lora_E.default", "q.ranknum.default"}, "ADALORA") ==
        std::vector<std::string>{"base_model.model.q.lora_E"});
  CHECK(settled({"base_model.model.q.ia3_l.default"}, "IA3") == std::vector<std::string>{"base_model.model.q.ia3_l"});
  CHECK(settled({"base_model.vera_A.default", "base_model.model.q.vera_lambda_b"}, "VERA") ==
        std::vector<std::string>{"base_model.vera_A", "base_model.model.q.vera_lambda_b"});
  CHECK(settled({"prompt_embeddings", "base_model.classifier.weight"}, "PROMPT_TUNING") ==
        std::vector<std::string>{"prompt_embeddings", "base_model.classifier.weight"});
  // A module may be called as a wrapper is: Llama's "model." stays.
  CHECK(settled({"base_model.model.model.layers.0.q.lora_A.weight"}) ==
        std::vector<std::string>{"base_model.model.model.layers.0.q.lora_A.weight"});
}

TEST_CASE("peft names: what is said, and what contradicts itself") {
  PeftAdapter usual = adapter_with({"base_model.model.a.lora_A.weight", "base_model.model.lm_head.base_layer.weight"});
  settle_names(usual);
  CHECK(usual.notes.empty());
  PeftAdapter odd = adapter_with({"a.lora_A.default.weight"});
  settle_names(odd);
  REQUIRE(odd.notes.size() == 1);
  CHECK(lacks(odd.notes[0], {"a.lora_A.default.weight", "base_model.model.a.lora_A.weight"}) == "");
  CHECK(lacks(error_of([] { settled({"a.lora_A.one.weight", "a.lora_A.two.weight"}); }),
              {"several adapters", "one", "two"}) == "");
  CHECK(lacks(error_of([] { settled({"a.lora_A.weight", "base_model.model.a.lora_A.weight"}); }),
              {"a.lora_A.weight", "two different"}) == "");

  const ModuleNames bert{"bert.", {"encoder", "embeddings", "pooler"}};
  PeftAdapter bare =
      adapter_with({"base_model.model.encoder.layer.0.q.lora_A.weight", "base_model.model.classifier.weight"});
  settle_names(bare, bert);
  CHECK(bare.tensors[0].name == "base_model.model.bert.encoder.layer.0.q.lora_A.weight");
  CHECK(bare.tensors[1].name == "base_model.model.classifier.weight");
  CHECK(bare.left_out == "bert.");
  CHECK(bare.notes.size() == 1);
  PeftAdapter whole = adapter_with({"base_model.model.bert.encoder.layer.0.q.lora_A.weight"});
  settle_names(whole, bert);
  CHECK((whole.notes.empty() && whole.left_out.empty()));
}

TEST_CASE("peft names: patterns of a bare model's adapter are matched with its own names") {
  PeftAdapter a = adapter_with({});
  a.left_out = "bert.";
  a.config["target_modules"] = json::array({"encoder.layer.0.attention.self.query"});
  CHECK(PeftTargets(a, a.fields()).objection(query) == "");
  a.config["target_modules"] = "encoder.layer.0.attention.self.query";
  CHECK(PeftTargets(a, a.fields()).objection(query) == "");
  a.config["target_modules"] = "bert.encoder.layer.0.attention.self.query";
  CHECK(lacks(PeftTargets(a, a.fields()).objection(query), {"target_modules"}) == "");
}

TEST_CASE("peft names: of alpha_pattern's keys the first that fits counts, in the file's order") {
  CHECK(alpha({}) == 2);
  CHECK(alpha({{"query", 5}}) == 5);
  CHECK(alpha({{"uery", 5}}) == 2);
  CHECK(alpha({{"self.query", 5}, {"query", 6}}) == 5);
  CHECK(alpha({{"query", 6}, {"self.query", 5}}) == 6);
  CHECK(alpha({{"z", 1}, {"query", 6}, {"a.query", 7}}) == 6);
  CHECK(alpha({{"self_query", 5}}) == 2);
  CHECK(alpha({{"attention.self.query", 5}}) == 5);
  CHECK(alpha({{"layer.0.attention.self.query", 5}}, "x.layer10.attention.self.query") == 5);  // "." is any character
  CHECK(alpha({{"layer.0.attention.self.query", 5}}, "x.layer.10.attention.self.query") == 2);
  CHECK(alpha({{"^query", 5}}) == 2);
  CHECK(alpha({{"^" + query, 5}}) == 5);
  const Temporary folder;
  put(folder / "adapter_config.json",
      R"({"peft_type": "LORA", "alpha_pattern": {"z": 1, "query": 6, "a": {"y": 1}, "b": 2}, "q": {"c": 1}})");
  CHECK(keys_of_member(get(folder / "adapter_config.json"), "alpha_pattern") ==
        std::vector<std::string>{"z", "query", "a", "b"});
  CHECK(keys_of_member("[1, 2]", "a").empty());
  CHECK(keys_of_member("{\"a\": 1}", "a").empty());
}
