// SPDX-License-Identifier: Apache-2.0
// LoRA adapters in Hugging Face PEFT's files, and our own file for other methods.
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <peft/io/delta_file.hpp>
#include <peft/io/peft_format.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_write.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "io_foreign.hpp"
#include "io_temporary.hpp"

using namespace peft;
using nlohmann::json;

namespace {

const std::string layer = "bert.encoder.layer.";

LoraModule module(const std::string& path, int rank, double alpha, int in = 4, int out = 3) {
  LoraModule m{path, rank, in, out, alpha, {}, {}};
  for (int i = 0; i < rank * in; ++i) m.A.push_back(0.25f * static_cast<float>(i) - 1);
  for (int i = 0; i < out * rank; ++i) m.B.push_back(0.5f * static_cast<float>(i + 1));
  return m;
}

// Query and value of two layers.
PeftLora even() {
  PeftLora lora;
  lora.base_model = "some/model";
  lora.dropout = 0.1;
  for (const char* path :
       {"0.attention.self.query", "0.attention.self.value", "1.attention.self.query", "1.attention.self.value"})
    lora.modules.push_back(module(layer + path, 2, 16));
  lora.head.push_back({"classifier.bias", {2}, {1, 2}});
  lora.head.push_back({"classifier.weight", {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}});
  return lora;
}

json config_in(const Temporary& folder) { return json::parse(get(folder / "adapter_config.json")); }

void check_same(const PeftLora& a, const PeftLora& b) {
  REQUIRE(a.modules.size() == b.modules.size());
  for (std::size_t i = 0; i < a.modules.size(); ++i) {
    const auto &x = a.modules[i], &y = b.modules[i];
    CHECK(x.path == y.path);
    CHECK(std::pair(x.rank, x.in) == std::pair(y.rank, y.in));
    CHECK(x.out == y.out);
    CHECK(x.alpha == Approx(y.alpha).epsilon(1e-12));
    CHECK(x.A == y.A);
    CHECK(x.B == y.B);
  }
  REQUIRE(a.head.size() == b.head.size());
  for (std::size_t i = 0; i < a.head.size(); ++i) {
    CHECK(a.head[i].name == b.head[i].name);
    CHECK(a.head[i].shape == b.head[i].shape);
    CHECK(a.head[i].data == b.head[i].data);
  }
}

// Saves even(), changes one key of its config and says what loading complains of.
std::string with_config(const char* key, const json& value) {
  const Temporary folder;
  save_peft_lora(folder.path(), even());
  make_foreign(folder / "adapter_model.safetensors");
  json config = config_in(folder);
  config[key] = value;
  put(folder / "adapter_config.json", config.dump());
  return error_of([&] { load_peft_lora(folder.path()); });
}

struct Stored {
  std::string name;
  DType dtype;
  std::vector<std::int64_t> shape;
};

// Replaces the tensors of even()'s folder and says what loading complains of.
std::string with_tensors(const std::vector<Stored>& stored) {
  const Temporary folder;
  save_peft_lora(folder.path(), even());
  const std::vector<double> zeros(1000);
  std::vector<NamedTensor> tensors;
  for (const auto& s : stored) tensors.push_back({"base_model.model." + s.name, s.dtype, s.shape, zeros.data()});
  write_safetensors(folder / "adapter_model.safetensors", tensors);
  return error_of([&] { load_peft_lora(folder.path()); });
}

}  // namespace

TEST_CASE("peft lora: equal ranks, there and back") {
  const Temporary folder;
  const auto lora = even();
  save_peft_lora(folder / "new", lora);
  const auto again = load_peft_lora(folder / "new");
  check_same(lora, again);
  CHECK(again.base_model == "some/model");
  CHECK(again.task_type == "SEQ_CLS");
  CHECK(again.dropout == 0.1);
  CHECK(count_files(folder / "new") == 2);
  const auto file = SafeTensors::open(folder / "new" / "adapter_model.safetensors");
  CHECK(file.metadata().at("format") == "pt");
  CHECK(file.at("base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight").shape ==
        std::vector<std::int64_t>{2, 4});
  CHECK(file.find("base_model.model.classifier.weight") != nullptr);
}

TEST_CASE("peft lora: the config that is written") {
  const Temporary folder;
  auto lora = even();
  save_peft_lora(folder.path(), lora);
  json config = config_in(folder);
  CHECK(config["peft_type"] == "LORA");
  CHECK(config["r"] == 2);
  CHECK(config["lora_alpha"] == 16);
  CHECK(config["lora_alpha"].is_number_integer());
  CHECK(config["target_modules"].size() == 4);
  CHECK(config["target_modules"][0] == layer + "0.attention.self.query");
  CHECK(config["modules_to_save"] == json::array({"classifier", "score"}));  // as PEFT names them for the task
  CHECK(config["rank_pattern"] == json::object());
  CHECK(config["peft_version"].is_string());
  CHECK(config["inference_mode"] == true);
  CHECK(config.size() == 41);  // all that PEFT writes

  lora.targets = {"query", "value"};
  save_peft_lora(folder.path(), lora);
  CHECK(config_in(folder)["target_modules"] == json::array({"query", "value"}));
  check_same(lora, load_peft_lora(folder.path()));

  lora.targets = {"query"};  // does not reach every module
  save_peft_lora(folder.path(), lora);
  CHECK(config_in(folder)["target_modules"].size() == 4);

  lora.targets = {"query", "value"};
  lora.modules[1] = module(layer + "0.attention.self.value", 3, 12.5);
  lora.modules[2].rank = 0;
  lora.modules[2].A.clear();
  lora.modules[2].B.clear();
  lora.head.clear();
  save_peft_lora(folder.path(), lora);
  config = config_in(folder);
  CHECK(config["target_modules"].size() == 3);
  CHECK(config["rank_pattern"].size() == 3);
  CHECK(config["rank_pattern"][layer + "0.attention.self.value"] == 3);
  CHECK(config["alpha_pattern"][layer + "0.attention.self.value"] == 12.5);
  CHECK(config["modules_to_save"].is_null());
  lora.modules.erase(lora.modules.begin() + 2);
  check_same(lora, load_peft_lora(folder.path()));
}

TEST_CASE("peft lora: a path that ends another keeps its own rank") {
  const Temporary folder;
  PeftLora lora;
  lora.modules = {module("a.query", 2, 2), module("query", 3, 9), module("z.a.query", 4, 20)};
  save_peft_lora(folder.path(), lora);
  CHECK(config_in(folder)["rank_pattern"] == json({{"^a.query", 2}, {"^query", 3}, {"z.a.query", 4}}));
  check_same(lora, load_peft_lora(folder.path()));
}

TEST_CASE("peft lora: everything pruned leaves one module that adds nothing") {
  const Temporary folder;
  PeftLora lora;
  lora.modules = {LoraModule{"a.query", 0, 4, 3, 0, {}, {}}, LoraModule{"b.query", 0, 4, 3, 0, {}, {}}};
  save_peft_lora(folder.path(), lora);
  const auto again = load_peft_lora(folder.path());
  REQUIRE(again.modules.size() == 1);
  CHECK(again.modules[0].path == "a.query");
  CHECK(again.modules[0].rank == 1);
  CHECK(again.modules[0].B == std::vector<float>(3, 0.0f));
  CHECK(again.modules[0].A[0] != 0);
}

TEST_CASE("peft lora: what cannot be saved") {
  const Temporary folder;
  const auto refused = [&](auto change) {
    PeftLora lora = even();
    change(lora);
    return error_of([&] { save_peft_lora(folder / "never", lora); });
  };
  CHECK(lacks(refused([](auto& l) { l.modules.clear(); }), {"without any module"}) == "");
  CHECK(lacks(refused([](auto& l) { l.modules[0].A.pop_back(); }), {"0.attention.self.query", "7"}) == "");
  CHECK(lacks(refused([](auto& l) { l.modules[0].rank = -1; }), {"rank -1"}) == "");
  CHECK(lacks(refused([](auto& l) { l.modules[1].path = l.modules[0].path; }), {"twice"}) == "");
  CHECK(lacks(refused([](auto& l) { l.modules[0].path = "a b*"; }), {"a b*"}) == "");
  CHECK(lacks(refused([](auto& l) { l.modules[0].alpha = NAN; }), {"alpha"}) == "");
  CHECK(lacks(refused([](auto& l) { l.dropout = 1; }), {"dropout"}) == "");
  CHECK(lacks(refused([](auto& l) { l.head[0].data.pop_back(); }), {"classifier.bias", "(2)"}) == "");
  CHECK(lacks(refused([](auto& l) { l.head[0].name = "bias"; }), {"\"bias\""}) == "");
  CHECK(!std::filesystem::exists(folder / "never"));
}

TEST_CASE("peft lora: configs as PEFT writes them") {
  const Temporary folder;
  auto lora = even();
  save_peft_lora(folder.path(), lora);
  make_foreign(folder / "adapter_model.safetensors");
  json config = json::parse(R"({"alora_invocation_tokens": null, "alpha_pattern": {}, "arrow_config": null,
    "auto_mapping": null, "base_model_name_or_path": null, "bias": "none", "corda_config": null, "eva_config": null,
    "exclude_modules": null, "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
    "layer_replication": null, "layers_pattern": null, "layers_to_transform": null, "loftq_config": {},
    "lora_alpha": 16, "lora_bias": false, "lora_dropout": 0.0, "megatron_core": "megatron.core",
    "modules_to_save": ["classifier", "score"],
    "peft_type": "LORA", "peft_version": "0.21.2", "r": 2, "rank_pattern": {}, "target_modules": ["value", "query"],
    "target_parameters": null, "task_type": "SEQ_CLS", "use_dora": false, "use_qalora": false, "use_rslora": false})");
  const auto load = [&] {
    put(folder / "adapter_config.json", config.dump());
    return load_peft_lora(folder.path());
  };
  check_same(lora, load());
  config["target_modules"] = ".*\\.(query|value)";
  check_same(lora, load());
  config["target_modules"] = {"query", "value"};
  config["layers_to_transform"] = {0, 1};
  check_same(lora, load());
  config["layers_to_transform"] = 1;
  CHECK(lacks(error_of([&] { load(); }), {"layer.0.attention.self.query", "layers_to_transform"}) == "");
  config["layers_to_transform"] = {0, 1};
  config["layers_pattern"] = "layer";
  check_same(lora, load());
  config["layers_pattern"] = {"h", "layers"};
  CHECK(lacks(error_of([&] { load(); }), {"layer.0.attention.self.query", "layers_to_transform"}) == "");
  config["layers_to_transform"] = config["layers_pattern"] = nullptr;
  config["target_modules"] = "all-linear";
  check_same(lora, load());
  config.erase("target_modules");
  check_same(lora, load());
  config["use_rslora"] = true;
  CHECK(load().modules[0].alpha / 2 == Approx(16 / std::sqrt(2.0)));
  config["use_rslora"] = false;
  config["alpha_pattern"] = {{"layer.1.attention.self.query", 4}, {".*value", 5.5}};
  CHECK(load().modules[0].alpha == 16);
  CHECK(load().modules[1].alpha == 5.5);
  CHECK(load().modules[2].alpha == 4);
  config["r"] = 64;
  CHECK(lacks(error_of([&] { load(); }), {"0.attention.self.query", "(2, 4)", "64"}) == "");
  config["rank_pattern"] = {{"query", 2}, {"value", 2}};
  CHECK(load().modules[3].rank == 2);
}

TEST_CASE("peft lora: other adapters are refused by key") {
  CHECK(with_config("revision", nullptr) == "");
  CHECK(lacks(with_config("peft_type", "IA3"), {"adapter_config.json", "peft_type", "IA3"}) == "");
  CHECK(lacks(with_config("peft_type", nullptr), {"peft_type"}) == "");
  CHECK(lacks(with_config("use_dora", true), {"lora_magnitude_vector", "DoRA"}) == "");
  CHECK(lacks(with_config("lora_bias", true), {"lora_bias"}) == "");
  CHECK(with_config("fan_in_fan_out", true) == "");  // says how the backbone's weights are stored
  CHECK(with_config("bias", "lora_only") == "");
  CHECK(lacks(with_config("bias", "some"), {"bias", "some"}) == "");
  CHECK(lacks(with_config("layer_replication", json::array({json::array({0, 4})})), {"layer_replication"}) == "");
  CHECK(lacks(with_config("init_lora_weights", "pissa"), {"init_lora_weights", "pissa"}) == "");
  CHECK(with_config("init_lora_weights", "gaussian") == "");
  CHECK(lacks(with_config("r", 0), {"\"r\""}) == "");
  CHECK(lacks(with_config("r", "8"), {"\"r\""}) == "");
  CHECK(lacks(with_config("lora_alpha", "8"), {"lora_alpha"}) == "");
  CHECK(lacks(with_config("rank_pattern", json({{"query", "x"}})), {"rank_pattern", "query"}) == "");
  CHECK(lacks(with_config("rank_pattern", json({{"query", 1.5}})), {"rank_pattern", "query"}) == "");
  CHECK(lacks(with_config("rank_pattern", json::array()), {"rank_pattern"}) == "");
  CHECK(with_config("rank_pattern", json({{"(query", 2}})) == "");  // the tensors say it
  CHECK(lacks(with_config("alpha_pattern", json({{"(query", 2}})), {"(query", "scale"}) == "");
  CHECK(lacks(with_config("target_modules", json::array({"query"})), {"value", "target_modules"}) == "");
  CHECK(lacks(with_config("target_modules", ".*key"), {"query", "target_modules"}) == "");
  CHECK(lacks(with_config("target_modules", 5), {"target_modules"}) == "");
  CHECK(lacks(with_config("exclude_modules", json::array({"value"})), {"value", "exclude_modules"}) == "");
  CHECK(lacks(with_config("modules_to_save", json::array({"query"})), {"query", "modules_to_save"}) == "");
  CHECK(with_config("target_modules", "(not a pattern") == "");
  CHECK(with_config("exclude_modules", "(not a pattern") == "");
  CHECK(with_config("task_type", "CAUSAL_LM") == "");  // the head is still in modules_to_save
}

TEST_CASE("peft lora: missing, misshapen and surplus tensors") {
  const std::string q = layer + "0.attention.self.query";
  const Stored a{q + ".lora_A.weight", DType::F32, {2, 4}}, b{q + ".lora_B.weight", DType::F32, {3, 2}};
  CHECK(with_tensors({a, b}) == "");
  CHECK(lacks(with_tensors({a}), {q, "no lora_B"}) == "");
  CHECK(lacks(with_tensors({b}), {q, "no lora_A"}) == "");
  CHECK(lacks(with_tensors({}), {"no LoRA module"}) == "");
  CHECK(lacks(with_tensors({{a.name, DType::F32, {4, 2}}, b}), {q, "(4, 2)"}) == "");
  CHECK(lacks(with_tensors({{a.name, DType::F32, {3, 4}}, b}), {q, "(3, 4)"}) == "");
  CHECK(lacks(with_tensors({a, {b.name, DType::F32, {3, 1}}}), {q, "(3, 1)"}) == "");
  CHECK(lacks(with_tensors({a, {b.name, DType::F32, {3, 2, 1}}}), {q, "(3, 2, 1)"}) == "");
  CHECK(lacks(with_tensors({a, {b.name, DType::F32, {0, 2}}}), {q, "(0, 2)"}) == "");
  CHECK(lacks(with_tensors({a, {b.name, DType::I32, {3, 2}}}), {b.name, "I32"}) == "");
  CHECK(with_tensors({{a.name, DType::BF16, {2, 4}}, {b.name, DType::F16, {3, 2}}}) == "");
  CHECK(lacks(with_tensors({a, b, {q + ".lora_magnitude_vector", DType::F32, {3}}}), {"magnitude", "DoRA"}) == "");
  CHECK(lacks(with_tensors({a, b, {q + ".lora_B.bias", DType::F32, {3}}}), {"lora_B.bias"}) == "");
  // What else is there belongs to a head or replaces a tensor of the backbone; the model says which.
  CHECK(with_tensors(
            {a, b, {"classifier.weight", DType::F32, {2, 4}}, {"bert.pooler.dense.weight", DType::F32, {4, 4}}}) == "");
  CHECK(lacks(with_tensors({a, b, {"model.embed_tokens.lora_embedding_A", DType::F32, {2, 9}}}),
              {"embed_tokens", "no lora_embedding_B"}) == "");

  const Temporary folder;
  CHECK(lacks(error_of([&] { load_peft_lora(folder.path()); }), {"adapter_config.json"}) == "");
  save_peft_lora(folder.path(), even());
  std::filesystem::rename(folder / "adapter_model.safetensors", folder / "adapter_model.bin");
  CHECK(lacks(error_of([&] { load_peft_lora(folder.path()); }), {"adapter_model.bin", "PyTorch has not written"}) ==
        "");
  std::filesystem::remove(folder / "adapter_model.bin");
  CHECK(lacks(error_of([&] { load_peft_lora(folder.path()); }), {"adapter_model.safetensors", "No such file"}) == "");
  const float one = 1;
  const NamedTensor foreign{"prompt_embeddings", DType::F32, {1}, &one};
  write_safetensors(folder / "adapter_model.safetensors", std::span(&foreign, 1));
  CHECK(lacks(error_of([&] { load_peft_lora(folder.path()); }), {"prompt_embeddings", "base_model.model."}) == "");
}

TEST_CASE("delta file: there and back") {
  const Temporary folder;
  const DeltaFile delta{
      "sora", {{"rank", "8"}, {"sites", "query,value"}}, {{"x.lora_g", {2}, {1, 2}}, {"a", {1, 1}, {3}}}};
  CHECK(!has_delta(folder / "out"));
  save_delta(folder / "out", delta);
  CHECK(has_delta(folder / "out"));
  const auto again = load_delta(folder / "out");
  CHECK(again.method == "sora");
  CHECK(again.settings == delta.settings);
  CHECK(again.setting("rank") == "8");
  REQUIRE(again.tensors.size() == 2);
  CHECK(again.tensors[0].name == "x.lora_g");
  CHECK(again.tensor("a").shape == std::vector<std::int64_t>{1, 1});
  CHECK(again.tensor("a").data == std::vector<float>{3});
  CHECK(lacks(error_of([&] { again.setting("xi"); }), {"\"xi\"", "rank", "sites"}) == "");
  CHECK(lacks(error_of([&] { again.tensor("x.lora_G"); }), {"near names: x.lora_g"}) == "");
  CHECK_THROWS_AS(save_delta(folder / "out", {"", {}, {}}), Error);
  CHECK_THROWS_AS(save_delta(folder / "out", {"m", {}, {{"a", {2}, {1}}}}), Error);
  CHECK(load_delta(folder / "out").method == "sora");
}

TEST_CASE("delta file: foreign, newer and damaged files are refused") {
  const Temporary folder;
  const double value = 1;
  const auto refused = [&](const std::map<std::string, std::string>& metadata, DType dtype = DType::F32) {
    const NamedTensor tensor{"a", dtype, {1}, &value};
    write_safetensors(folder / delta_file_name, std::span(&tensor, 1), metadata);
    return error_of([&] { load_delta(folder.path()); });
  };
  std::map<std::string, std::string> good{
      {"format", "peft.hpp"}, {"version", "1"}, {"method", "m"}, {"settings", "{}"}};
  const auto with = [&](const char* key, const char* text) {
    auto changed = good;
    changed[key] = text;
    return changed;
  };
  CHECK(refused(good) == "");
  for (const auto& [key, text] : good) {
    auto less = good;
    less.erase(key);
    CHECK(lacks(refused(less), {"\"" + key + "\""}) == "");
  }
  CHECK(lacks(refused(with("format", "pt")), {"\"pt\""}) == "");
  CHECK(lacks(refused(with("version", "2")), {"version \"2\""}) == "");
  CHECK(lacks(refused(with("method", "")), {"method"}) == "");
  CHECK(lacks(refused(with("settings", "{")), {"settings", "invalid JSON"}) == "");
  CHECK(lacks(refused(with("settings", "[]")), {"settings", "object"}) == "");
  CHECK(lacks(refused(with("settings", "{\"a\":1}")), {"settings", "\"a\""}) == "");
  CHECK(lacks(refused(good, DType::F64), {"\"a\"", "F64"}) == "");
  CHECK(lacks(error_of([&] { load_delta(folder / "none"); }), {"No such file"}) == "");
}
