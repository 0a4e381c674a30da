// SPDX-License-Identifier: Apache-2.0
#include <peft/io/config/generation.hpp>
#include <peft/io/config/llama.hpp>
#include <peft/io/config/model_type.hpp>
#include <peft/io/json.hpp>

#include <cmath>

#include "io_config_refused.hpp"

using namespace peft;
using nlohmann::json;

namespace {

const ConfigFile<LlamaConfig> llama{parse_llama_config, json::parse(R"({
    "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 1,
    "eos_token_id": 2, "head_dim": 64, "hidden_act": "silu", "hidden_size": 576, "initializer_range": 0.02,
    "intermediate_size": 1536, "max_position_embeddings": 8192, "mlp_bias": false, "model_type": "llama",
    "num_attention_heads": 9, "num_hidden_layers": 30, "num_key_value_heads": 3, "pad_token_id": 2, "pretraining_tp": 1,
    "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 100000.0, "tie_word_embeddings": true, "vocab_size": 49152})")};

std::string refused_scaling(json scaling, const char* key) {
  const auto read = [&](const char* name) {
    json config = llama.good;
    config[name] = scaling;
    return lacks(error_of([&] { parse_llama_config(config.dump(), "dir/config.json"); }),
                 {"dir/config.json", name, key});
  };
  const std::string older = read("rope_scaling");
  if (older.empty()) {
    json both = llama.good;  // the newer name, alone
    both.erase("rope_scaling");
    both["rope_parameters"] = scaling;
    return lacks(error_of([&] { parse_llama_config(both.dump(), "dir/config.json"); }), {"rope_parameters", key});
  }
  return older;
}

}  // namespace

TEST_CASE("llama config: everything is read") {
  const LlamaConfig c = llama.read();
  CHECK(c.model_type == "llama");
  CHECK(c.hidden_size == 576);
  CHECK(c.intermediate_size == 1536);
  CHECK(c.num_hidden_layers == 30);
  CHECK(c.num_attention_heads == 9);
  CHECK(c.num_key_value_heads == 3);
  CHECK(c.head_dim == 64);
  CHECK(c.longest() == 8192);
  CHECK(c.rms_norm_eps == 1e-5);
  CHECK(c.rope.theta == 100000);
  CHECK(c.rope.kind == Rope::Kind::None);
  CHECK(c.rotary_scale() == 1);
  CHECK(c.hidden_act == ActivationKind::Silu);
  CHECK(!c.qkv_bias);
  CHECK(!c.out_bias);
  CHECK(!c.mlp_bias);
  CHECK(c.tie_word_embeddings);
  CHECK(c.vocab_size == 49152);
  CHECK(c.bos_token_id == 1);
  CHECK(c.eos_token_id == std::vector<int>{2});
  CHECK(c.pad_token_id == 2);
}

TEST_CASE("llama config: Qwen2, Mistral and what may be missing") {
  CHECK(llama.without("num_key_value_heads").num_key_value_heads == 9);
  CHECK(llama.without("head_dim").head_dim == 64);
  CHECK(llama.with("head_dim", 32).head_dim == 32);
  CHECK(llama.without("tie_word_embeddings").tie_word_embeddings == false);
  CHECK(llama.without("pad_token_id").pad_token_id == -1);
  CHECK(llama.with("pad_token_id", -1).pad_token_id == -1);
  CHECK(llama.with("eos_token_id", json::array({2, 7, 9})).eos_token_id == std::vector<int>{2, 7, 9});
  CHECK(llama.with("eos_token_id", nullptr).eos_token_id.empty());
  CHECK(llama.without("eos_token_id").eos_token_id == std::vector<int>{2});
  const auto biased = llama.with("attention_bias", true);
  CHECK((biased.qkv_bias && biased.out_bias));
  CHECK(llama.with("mlp_bias", true).mlp_bias);

  auto qwen = llama;
  qwen.good["model_type"] = "qwen2";
  qwen.good["sliding_window"] = 4096;  // means nothing while use_sliding_window is false
  qwen.good["use_sliding_window"] = false;
  qwen.good["layer_types"] = json::array({"full_attention"});
  CHECK(qwen.read().qkv_bias);
  CHECK(!qwen.read().out_bias);
  CHECK(qwen.without("eos_token_id").eos_token_id.empty());
  CHECK(qwen.read().longest() == 8192);
  CHECK(qwen.with("layer_types", json::array({"full_attention", "sliding_attention"})).longest() == 4096);
  CHECK(qwen.with("use_sliding_window", true).longest() == 8192);  // layer_types count
  CHECK(qwen.refused("layer_types", json::array({"chunked_attention"})) == "");
  qwen.good.erase("layer_types");
  CHECK(qwen.with("use_sliding_window", true).longest() == 4096);  // from layer 28 of 30 on
  qwen.good["max_window_layers"] = 30;
  CHECK(qwen.with("use_sliding_window", true).longest() == 8192);
  CHECK(qwen.refused_without("num_key_value_heads") == "");

  auto mistral = llama;
  mistral.good["model_type"] = "mistral";
  mistral.good["sliding_window"] = nullptr;
  CHECK(mistral.read().model_type == "mistral");
  CHECK(!mistral.read().qkv_bias);
  CHECK(mistral.read().longest() == 8192);
  CHECK(mistral.with("sliding_window", 512).longest() == 512);
  CHECK(mistral.with("sliding_window", 1 << 20).longest() == 8192);
  CHECK(mistral.without("sliding_window").longest() == 4096);
  CHECK(mistral.refused("sliding_window", 0) == "");
}

TEST_CASE("llama config: impossible values are refused") {
  llama.check_sizes({"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                     "max_position_embeddings"},
                    true);
  llama.check_sizes({"num_key_value_heads", "head_dim"}, false);
  llama.check_probabilities({"attention_dropout"});
  llama.check_flags({"attention_bias", "mlp_bias", "tie_word_embeddings"});
  for (const char* type : {"gemma", "qwen2_moe", "phi3", "bert"}) CHECK(llama.refused("model_type", type) == "");
  CHECK(llama.refused("num_key_value_heads", 2) == "");
  CHECK(llama.refused("head_dim", 63) == "");
  CHECK(llama.refused("hidden_act", "gelu") == "");
  CHECK(llama.refused("partial_rotary_factor", 0.5) == "");
  CHECK(llama.with("eos_token_id", json::array({2, 49152})).eos_token_id == std::vector<int>{2});
  CHECK(llama.with("sliding_window", 5).longest() == 8192);  // no key of Llama's
  for (const json& value : {json(1), json(0), json(-5), json("10000"), json(1e300)})
    CHECK(llama.refused("rope_theta", value) == "");
  for (const json& value : {json(0), json(-1e-6), json(1)}) CHECK(llama.refused("rms_norm_eps", value) == "");
  json odd = llama.good;
  odd.erase("head_dim");
  odd["num_attention_heads"] = odd["num_key_value_heads"] = 7;
  CHECK(lacks(error_of([&] { parse_llama_config(odd.dump(), "f"); }), {"num_attention_heads", "hidden_size"}) == "");
}

TEST_CASE("llama config: scalings of rotary positions are refused by name") {
  CHECK(llama.refused("rope_scaling", "linear") == "");
  CHECK(llama.refused("rope_scaling", json::array({1})) == "");
  CHECK(refused_scaling({{"rope_type", "longrope"}, {"factor", 2}}, "rope_type") == "");
  CHECK(refused_scaling({{"type", "su"}}, "type") == "");
  CHECK(refused_scaling({{"rope_type", "linear"}}, "factor") == "");
  for (const json& value : {json(0), json(0.5), json(-1), json("2"), json(1e9)})
    CHECK(refused_scaling({{"rope_type", "linear"}, {"factor", value}}, "factor") == "");
  const json llama3 = {{"rope_type", "llama3"},
                       {"factor", 8},
                       {"low_freq_factor", 1},
                       {"high_freq_factor", 4},
                       {"original_max_position_embeddings", 8192}};
  for (const char* key : {"low_freq_factor", "high_freq_factor", "original_max_position_embeddings"}) {
    json lacking = llama3;
    lacking.erase(key);
    CHECK(refused_scaling(lacking, key) == "");
    lacking[key] = -1;
    CHECK(refused_scaling(lacking, key) == "");
  }
  json equal = llama3;
  equal["high_freq_factor"] = 1;
  CHECK(refused_scaling(equal, "high_freq_factor") == "");
  const json yarn = {{"rope_type", "yarn"}, {"factor", 4}};
  for (const char* key : {"beta_fast", "beta_slow", "attention_factor", "mscale", "original_max_position_embeddings"}) {
    json bad = yarn;
    bad[key] = -1;
    CHECK(refused_scaling(bad, key) == "");
  }
  json turned = yarn;
  turned["beta_fast"] = 0.5;
  CHECK(refused_scaling(turned, "beta_fast") == "");
  json both = llama.good;
  both["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 2}};
  both["rope_parameters"] = {{"rope_type", "linear"}, {"factor", 3}};
  CHECK(lacks(error_of([&] { parse_llama_config(both.dump(), "f"); }), {"rope_parameters"}) == "");
}

// transformers 4.57.6 by tests/golden/rope.py; its numbers are fp32.
TEST_CASE("rotary frequencies are transformers'", "[golden]") {
  const auto cases = parse_json_file(std::filesystem::path(PEFT_TEST_DATA) / "rope.json");
  REQUIRE(cases.size() == 14);
  for (const auto& one : cases) {
    INFO(one.at("config").dump());
    const LlamaConfig c = parse_llama_config(one.at("config").dump(), "config.json");
    const auto ours = c.inverse_frequencies();
    const auto theirs = one.at("inverse_frequencies").get<std::vector<double>>();
    REQUIRE(ours.size() == theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      INFO(i << ": " << ours[i] << " " << theirs[i]);
      CHECK(std::abs(ours[i] - theirs[i]) < 2e-6 * theirs[i]);
    }
    CHECK(std::abs(c.rotary_scale() - one.at("scale").get<double>()) < 1e-12);
    // The newer files' way to say the same.
    json newer = one.at("config");
    json rope = newer.value("rope_scaling", json::object());
    rope["rope_theta"] = newer.value("rope_theta", 10000.0);
    newer.erase("rope_scaling");
    newer.erase("rope_theta");
    newer["rope_parameters"] = rope;
    CHECK(parse_llama_config(newer.dump(), "config.json").inverse_frequencies() == ours);
  }
}

TEST_CASE("generation ids: from generation_config.json, then from config.json, then the family's") {
  const Temporary folder;
  const auto write = [&](const char* file, const json& text) { put(folder / file, text.dump()); };
  CHECK(lacks(error_of([&] { read_generation_ids(folder.path()); }), {"config.json", "No such file"}) == "");
  write("config.json", llama.good);
  CHECK(read_model_type(folder.path()) == "llama");
  CHECK(read_generation_ids(folder.path()).eos == std::vector<int>{2});
  CHECK(read_generation_ids(folder.path()).pad == 2);
  CHECK(read_generation_ids(folder.path()).bos == 1);
  CHECK(read_generation_ids(folder.path()).decoder_start == -1);
  write("generation_config.json", {{"eos_token_id", json::array({5, 6})}, {"temperature", 0.6}});
  CHECK(read_generation_ids(folder.path()).eos == std::vector<int>{5, 6});
  CHECK(read_generation_ids(folder.path()).pad == 2);
  for (const json& value : {json("2"), json(2.5), json::array({"2"})}) {
    write("generation_config.json", {{"eos_token_id", value}});
    CHECK(lacks(error_of([&] { read_generation_ids(folder.path()); }), {"generation_config.json", "eos_token_id"}) ==
          "");
  }
  std::filesystem::remove(folder / "generation_config.json");
  write("config.json", {{"model_type", "t5"}, {"vocab_size", 32128}});
  const auto t5 = read_generation_ids(folder.path());
  CHECK(t5.eos == std::vector<int>{1});
  CHECK(t5.pad == 0);
  CHECK(t5.decoder_start == 0);
  write("config.json", {{"model_type", "gpt2"}, {"vocab_size", 50257}});
  CHECK(read_generation_ids(folder.path()).eos == std::vector<int>{50256});
  write("config.json", {{"model_type", "gpt2"}, {"vocab_size", 500}});
  CHECK(read_generation_ids(folder.path()).eos.empty());
  write("config.json", {{"model_type", "gpt2"}});
  CHECK(lacks(error_of([&] { read_generation_ids(folder.path()); }), {"vocab_size"}) == "");
  write("config.json", {{"vocab_size", 500}});
  CHECK(lacks(error_of([&] { read_model_type(folder.path()); }), {"model_type", "missing", "\"bert\""}) == "");
}

TEST_CASE("rotary positions by kind of layer, as transformers 5 may write them") {
  json config = llama.good;
  config.erase("rope_theta");
  config["rope_parameters"] = {{"full_attention", {{"rope_theta", 5e5}, {"rope_type", "default"}}}};
  CHECK(parse_llama_config(config.dump(), "f").rope.theta == 5e5);
  config["rope_parameters"]["sliding_attention"] = config["rope_parameters"]["full_attention"];
  CHECK(parse_llama_config(config.dump(), "f").rope.theta == 5e5);
  config["rope_parameters"]["sliding_attention"]["rope_theta"] = 1e4;
  CHECK(lacks(error_of([&] { parse_llama_config(config.dump(), "f"); }), {"rope_parameters", "sliding_attention"}) ==
        "");
}

TEST_CASE("a missing model_type is told by classes, then by tensors, else asked for") {
  const Temporary folder;
  const auto of = [&](const json& config) {
    put(folder / "config.json", config.dump());
    return read_model_type(folder.path());
  };
  const std::pair<const char*, const char*> known[] = {{"BertForMaskedLM", "bert"},
                                                       {"RobertaModel", "roberta"},
                                                       {"XLMRobertaForTokenClassification", "xlm-roberta"},
                                                       {"DistilBertForQuestionAnswering", "distilbert"},
                                                       {"DebertaV2Model", "deberta-v2"},
                                                       {"GPT2LMHeadModel", "gpt2"},
                                                       {"GPT2DoubleHeadsModel", "gpt2"},
                                                       {"LLaMAForCausalLM", "llama"},
                                                       {"MT5EncoderModel", "mt5"},
                                                       {"Qwen2ForCausalLM", "qwen2"}};
  for (const auto& [name, type] : known) CHECK(of({{"architectures", {name}}}) == type);
  for (const char* other : {"BertGenerationEncoder", "BertJapaneseModel", "DebertaModel", "T5Gemma"})
    CHECK(lacks(error_of([&] { of({{"architectures", {other}}}); }), {"model_type"}) == "");
  CHECK(of({{"model_type", "bart"}, {"architectures", {"BertModel"}}}) == "bart");

  const auto tensors = [&](const std::vector<std::string>& names) {
    json header = json::object();
    for (const std::string& name : names) header[name] = {{"dtype", "F32"}, {"shape", {0}}, {"data_offsets", {0, 0}}};
    std::string text = header.dump();
    text += std::string(8 - text.size() % 8, ' ');
    std::string size(8, '\0');
    size[0] = static_cast<char>(text.size() & 255);
    size[1] = static_cast<char>(text.size() >> 8);
    put(folder / "model.safetensors", size + text);
    return of({{"vocab_size", 3}});
  };
  CHECK(tensors({"cls.bias", "bert.embeddings.x"}) == "bert");
  CHECK(tensors({"model.layers.0.self_attn.q_proj.weight"}) == "llama");
  CHECK(tensors({"model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.q_proj.bias"}) == "qwen2");
  CHECK(tensors({"encoder.block.0.layer.0.SelfAttention.q.weight"}) == "t5");
  CHECK(lacks(error_of([&] { tensors({"encoder.layer.0.attention.self.query.weight"}); }),
              {"model_type", "\"bert\""}) == "");
}
