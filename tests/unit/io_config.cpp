// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <peft/io/config.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "io_temporary.hpp"

using namespace peft;
using nlohmann::json;

namespace {

// The config.json of a small BERT as Hugging Face writes it.
json small() {
  return json::parse(R"({
    "architectures": ["BertForSequenceClassification"], "attention_probs_dropout_prob": 0.2, "classifier_dropout": null,
    "gradient_checkpointing": false, "hidden_act": "gelu", "hidden_dropout_prob": 0.3, "hidden_size": 384,
    "id2label": {"0": "bad", "1": "fair", "2": "good"}, "initializer_range": 0.02, "intermediate_size": 1536,
    "label2id": {"bad": 0, "fair": 1, "good": 2}, "layer_norm_eps": 1e-12, "max_position_embeddings": 512,
    "model_type": "bert", "num_attention_heads": 12, "num_hidden_layers": 6, "pad_token_id": 0,
    "position_embedding_type": "absolute", "problem_type": "single_label_classification",
    "transformers_version": "4.8.2", "type_vocab_size": 2, "use_cache": true, "vocab_size": 30522})");
}

std::string refused(const char* key, const json& value) {
  json config = small();
  config[key] = value;
  const std::string message = error_of([&] { parse_bert_config(config.dump(), "dir/config.json"); });
  return lacks(message, {"dir/config.json", key});
}

BertConfig with(const char* key, const json& value) {
  json config = small();
  config[key] = value;
  return parse_bert_config(config.dump(), "config.json");
}

BertConfig without(const char* key) {
  json config = small();
  config.erase(key);
  return parse_bert_config(config.dump(), "config.json");
}

}  // namespace

TEST_CASE("bert config: everything is read") {
  const BertConfig c = parse_bert_config(small().dump(), "config.json");
  CHECK(c.hidden_size == 384);
  CHECK(c.num_hidden_layers == 6);
  CHECK(c.num_attention_heads == 12);
  CHECK(c.head_size() == 32);
  CHECK(c.intermediate_size == 1536);
  CHECK(c.vocab_size == 30522);
  CHECK(c.max_position_embeddings == 512);
  CHECK(c.type_vocab_size == 2);
  CHECK(c.layer_norm_eps == 1e-12);
  CHECK(c.hidden_act == BertActivation::Gelu);
  CHECK(c.hidden_dropout_prob == 0.3);
  CHECK(c.attention_probs_dropout_prob == 0.2);
  CHECK(c.classifier_dropout == 0.3);
  CHECK(c.num_labels == 3);
  CHECK(c.labels == std::vector<std::string>{"bad", "fair", "good"});
  CHECK(c.problem_type == "single_label_classification");
  CHECK(c.architectures == std::vector<std::string>{"BertForSequenceClassification"});
}

TEST_CASE("bert config: variants and what may be missing") {
  CHECK(with("hidden_act", "gelu_new").hidden_act == BertActivation::GeluTanh);
  CHECK(with("hidden_act", "gelu_pytorch_tanh").hidden_act == BertActivation::GeluTanh);
  CHECK(with("classifier_dropout", 0.5).classifier_dropout == 0.5);
  CHECK(with("hidden_dropout_prob", 0).hidden_dropout_prob == 0);
  CHECK(without("id2label").num_labels == 2);  // Hugging Face's default of two
  CHECK(with("num_labels", 3).num_labels == 3);
  CHECK(without("model_type").hidden_size == 384);
  CHECK(without("type_vocab_size").type_vocab_size == 2);
  CHECK(without("layer_norm_eps").layer_norm_eps == 1e-12);
  CHECK(without("attention_probs_dropout_prob").attention_probs_dropout_prob == 0.1);
  CHECK(with("id2label", nullptr).labels.empty());
}

TEST_CASE("bert config: every impossible value is refused with file and key") {
  for (const char* key : {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size",
                          "max_position_embeddings", "type_vocab_size"})
    for (const json& value : {json(0), json(-1), json(1ll << 40), json(18446744073709551615ull), json("384"),
                              json(384.5), json(true), json::array({384}), json::object()}) {
      INFO(key << " = " << value);
      CHECK(refused(key, value) == "");
    }
  for (const char* key :
       {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size"}) {
    json config = small();
    config.erase(key);
    CHECK(lacks(error_of([&] { parse_bert_config(config.dump(), "dir/config.json"); }), {"config.json", key}) == "");
    CHECK(refused(key, nullptr) == "");
  }
  for (const char* key : {"hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"})
    for (const json& value : {json(1), json(-0.1), json(1.5), json("0.1"), json(true)})
      CHECK(refused(key, value) == "");
  for (const json& value : {json(0), json(-1e-12), json(1), json("1e-12")})
    CHECK(refused("layer_norm_eps", value) == "");
  for (const json& value : {json("tanh"), json("quick_gelu"), json(1)}) CHECK(refused("hidden_act", value) == "");
  CHECK(refused("num_attention_heads", 11) == "");
  CHECK(refused("model_type", "roberta") == "");
  CHECK(refused("position_embedding_type", "relative_key") == "");
  CHECK(refused("is_decoder", true) == "");
  CHECK(refused("add_cross_attention", true) == "");
  CHECK(refused("is_decoder", 1) == "");
  CHECK(refused("pad_token_id", "0") == "");
  CHECK(refused("num_labels", 0) == "");
  CHECK(refused("id2label", json::array({"a"})) == "");
  CHECK(refused("id2label", json::object()) == "");
  CHECK(refused("quantization_config", json({{"quant_method", "gptq"}, {"bits", 4}})) == "");
  CHECK(lacks(error_of([&] { with("quantization_config", json({{"quant_method", "gptq"}})); }),
              {"\"gptq\"", "dequantise"}) == "");
  CHECK(refused("pruned_heads", json({{"0", json::array({1})}})) == "");
  CHECK(with("pruned_heads", json::object()).hidden_size == 384);
  CHECK(refused("problem_type", 5) == "");
  CHECK(refused("architectures", "Bert") == "");
}

TEST_CASE("bert config: from a folder") {
  const Temporary folder;
  CHECK(lacks(error_of([&] { read_bert_config(folder.path()); }), {"config.json", "No such file"}) == "");
  put(folder / "config.json", small().dump());
  CHECK(read_bert_config(folder.path()).hidden_size == 384);
  CHECK(read_bert_config(folder / "config.json").hidden_size == 384);
  put(folder / "config.json", "[]");
  CHECK(lacks(error_of([&] { read_bert_config(folder.path()); }), {"config.json", "object"}) == "");
  put(folder / "config.json", "");
  CHECK(lacks(error_of([&] { read_bert_config(folder.path()); }), {"config.json", "empty"}) == "");
}

TEST_CASE("labels that do not fit are noted, and the backbone is none the worse") {
  const json numbers = {{"0", 0}, {"1", 1}, {"2", 2}}, from_one = {{"1", "a"}, {"2", "b"}, {"3", "c"}};
  CHECK(with("id2label", numbers).labels == std::vector<std::string>{"0", "1", "2"});
  CHECK(with("label2id", json({{"bad", "0"}, {"fair", "1"}, {"good", "2"}})).notes.empty());
  CHECK(with("label2id", nullptr).notes.empty());
  const auto check = [](const BertConfig& c, int count, bool named, const char* part) {
    CHECK(c.num_labels == count);
    CHECK(c.labels.empty() != named);
    REQUIRE(c.notes.size() == 1);
    CHECK(lacks(c.notes[0], {"config.json", part}) == "");
  };
  check(with("num_labels", 50), 50, false, "num_labels is 50");
  check(with("id2label", from_one), 3, false, "does not name the classes 0 to 2");
  check(with("id2label", json({{"0", "a"}, {"1", nullptr}})), 2, false, "does not name");
  check(with("label2id", json({{"bad", 2}, {"fair", 1}, {"good", 0}})), 3, true, "label2id numbers");
  check(with("auto_map", json({{"AutoModel", "modeling.Model"}})), 3, true, "auto_map");
}

TEST_CASE("tokens that are no rows of the vocabulary are none") {
  CHECK(with("pad_token_id", 30522).pad_token_id == -1);
  CHECK(with("pad_token_id", -7).pad_token_id == -1);
  CHECK(with("eos_token_id", json::array({5, 30522})).eos_token_id == std::vector<int>{5});
}
