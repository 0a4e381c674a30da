// SPDX-License-Identifier: Apache-2.0
#include <peft/io/config/bert.hpp>
#include <peft/io/config/deberta.hpp>
#include <peft/io/config/distilbert.hpp>
#include <peft/io/config/roberta.hpp>

#include "io_config_refused.hpp"

using namespace peft;
using nlohmann::json;

namespace {

// As Hugging Face writes them.
const ConfigFile<RobertaConfig> roberta{parse_roberta_config, json::parse(R"({
    "architectures": ["RobertaForSequenceClassification"], "attention_probs_dropout_prob": 0.2, "bos_token_id": 0,
    "classifier_dropout": null, "eos_token_id": 2, "hidden_act": "gelu", "hidden_dropout_prob": 0.3, "hidden_size": 384,
    "id2label": {"0": "LABEL_0"}, "initializer_range": 0.02, "intermediate_size": 1536, "label2id": {"LABEL_0": 0},
    "layer_norm_eps": 1e-05, "max_position_embeddings": 514, "model_type": "roberta", "num_attention_heads": 12,
    "num_hidden_layers": 6, "pad_token_id": 1, "position_embedding_type": "absolute", "type_vocab_size": 1,
    "vocab_size": 50265})")};

const ConfigFile<DebertaConfig> deberta{parse_deberta_config, json::parse(R"({
    "architectures": ["DebertaV2ForSequenceClassification"], "attention_probs_dropout_prob": 0.1, "hidden_act": "gelu",
    "hidden_dropout_prob": 0.2, "hidden_size": 384, "id2label": {"0": "benign", "1": "malicious"}, "initializer_range": 0.02,
    "intermediate_size": 1536, "label2id": {"benign": 0, "malicious": 1}, "layer_norm_eps": 1e-07, "legacy": true,
    "max_position_embeddings": 512, "max_relative_positions": -1, "model_type": "deberta-v2", "norm_rel_ebd": "layer_norm",
    "num_attention_heads": 6, "num_hidden_layers": 12, "pad_token_id": 0, "pooler_dropout": 0, "pooler_hidden_act": "gelu",
    "pooler_hidden_size": 384, "pos_att_type": ["p2c", "c2p"], "position_biased_input": false, "position_buckets": 256,
    "relative_attention": true, "share_att_key": true, "type_vocab_size": 0, "vocab_size": 128100})")};

const ConfigFile<DistilbertConfig> distilbert{parse_distilbert_config, json::parse(R"({
    "activation": "gelu", "architectures": ["DistilBertForMaskedLM"], "attention_dropout": 0.2, "dim": 384, "dropout": 0.3,
    "hidden_dim": 1536, "id2label": {"0": "no", "1": "yes"}, "initializer_range": 0.03, "label2id": {"no": 0, "yes": 1},
    "max_position_embeddings": 256, "model_type": "distilbert", "n_heads": 12, "n_layers": 4, "output_past": true,
    "pad_token_id": 0, "qa_dropout": 0.1, "seq_classif_dropout": 0.4, "sinusoidal_pos_embds": true, "tie_weights_": true,
    "vocab_size": 28996})")};

}  // namespace

TEST_CASE("roberta config: everything is read") {
  const RobertaConfig c = roberta.read();
  CHECK(c.model_type == "roberta");
  CHECK(c.hidden_size == 384);
  CHECK(c.head_size() == 32);
  CHECK(c.num_hidden_layers == 6);
  CHECK(c.intermediate_size == 1536);
  CHECK(c.vocab_size == 50265);
  CHECK(c.max_position_embeddings == 514);
  CHECK(c.first_position() == 2);
  CHECK(c.longest() == 512);
  CHECK(c.type_vocab_size == 1);
  CHECK(c.layer_norm_eps == 1e-5);
  CHECK(c.hidden_dropout_prob == 0.3);
  CHECK(c.attention_probs_dropout_prob == 0.2);
  CHECK(c.classifier_dropout == 0.3);
  CHECK(c.num_labels == 1);
  CHECK(c.pad_token_id == 1);
  CHECK(c.bos_token_id == 0);
  CHECK(c.eos_token_id == std::vector<int>{2});
}

TEST_CASE("roberta config: variants, defaults and refusals") {
  CHECK(roberta.with("model_type", "xlm-roberta").model_type == "xlm-roberta");
  CHECK(roberta.with("model_type", "camembert").model_type == "camembert");
  CHECK(roberta.without("layer_norm_eps").layer_norm_eps ==
        1e-12);  // RobertaConfig's own, though its checkpoints have 1e-5
  CHECK(roberta.without("type_vocab_size").type_vocab_size == 2);
  CHECK(roberta.without("max_position_embeddings").longest() == 510);
  CHECK(roberta.without("pad_token_id").pad_token_id == 1);
  CHECK(roberta.with("pad_token_id", 0).longest() == 513);
  CHECK(roberta.with("hidden_act", "gelu_new").hidden_act == ActivationKind::GeluTanh);
  roberta.check_sizes({"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size"},
                      true);
  roberta.check_sizes({"max_position_embeddings", "type_vocab_size"}, false);
  roberta.check_probabilities({"hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"});
  roberta.check_flags({"is_decoder", "add_cross_attention"});
  for (const char* type : {"bert", "deberta", "RoBERTa", ""}) CHECK(roberta.refused("model_type", type) == "");
  CHECK(roberta.refused("max_position_embeddings", 2) == "");
  CHECK(roberta.with("max_position_embeddings", 3).longest() == 1);
  CHECK(roberta.refused("pad_token_id", nullptr) == "");
  CHECK(roberta.refused("pad_token_id", 50265) == "");
  CHECK(roberta.refused("eos_token_id", "2") == "");
  CHECK(roberta.refused("position_embedding_type", "relative_key") == "");
  CHECK(roberta.with("hidden_act", "relu").hidden_act == ActivationKind::Relu);
  CHECK(roberta.refused("hidden_act", "quick_gelu") == "");
  CHECK(roberta.refused("is_decoder", true) == "");
}

TEST_CASE("deberta config: everything is read") {
  const DebertaConfig c = deberta.read();
  CHECK(c.model_type == "deberta-v2");
  CHECK(c.hidden_size == 384);
  CHECK(c.head_size() == 64);
  CHECK(c.num_hidden_layers == 12);
  CHECK(c.vocab_size == 128100);
  CHECK(c.relative_attention);
  CHECK(c.max_relative_positions == 512);
  CHECK(c.position_buckets == 256);
  CHECK(c.relative_span() == 256);
  CHECK(c.content_to_position());
  CHECK(c.position_to_content());
  CHECK(c.share_att_key);
  CHECK(c.norm_rel_ebd);
  CHECK(!c.position_biased_input);
  CHECK(c.type_vocab_size == 0);
  CHECK(c.layer_norm_eps == 1e-7);
  CHECK(c.pooler_hidden_act == ActivationKind::Gelu);
  CHECK(c.pooler_dropout == 0);
  CHECK(c.classifier_dropout == 0.2);
  CHECK(c.labels == std::vector<std::string>{"benign", "malicious"});
}

TEST_CASE("deberta config: variants and defaults") {
  CHECK(deberta.with("pos_att_type", "P2C | c2p").pos_att_type == std::vector<std::string>{"p2c", "c2p"});
  CHECK(!deberta.with("pos_att_type", "c2p").position_to_content());
  CHECK(deberta.with("pos_att_type", nullptr).pos_att_type.empty());
  CHECK(!deberta.with("relative_attention", false).content_to_position());
  CHECK(deberta.with("norm_rel_ebd", "layer_norm|none").norm_rel_ebd);
  CHECK(!deberta.without("norm_rel_ebd").norm_rel_ebd);
  CHECK(!deberta.without("relative_attention").relative_attention);
  CHECK(!deberta.without("share_att_key").share_att_key);
  CHECK(deberta.without("position_biased_input").position_biased_input);
  CHECK(deberta.without("position_buckets").relative_span() == 512);
  CHECK(deberta.with("position_buckets", 0).relative_span() == 512);
  CHECK(deberta.with("max_relative_positions", 300).max_relative_positions == 300);
  CHECK(deberta.without("layer_norm_eps").layer_norm_eps == 1e-7);
  CHECK(deberta.with("cls_dropout", 0.4).classifier_dropout == 0.4);
  CHECK(deberta.with("pooler_hidden_act", "tanh").pooler_hidden_act == ActivationKind::Tanh);
  CHECK(deberta.with("conv_kernel_size", 0).hidden_size == 384);
  CHECK(deberta.with("embedding_size", 384).hidden_size == 384);
}

TEST_CASE("deberta config: what is not supported or impossible is refused") {
  deberta.check_sizes({"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size"},
                      true);
  deberta.check_sizes({"max_position_embeddings", "pooler_hidden_size", "embedding_size"}, false);
  deberta.check_probabilities({"hidden_dropout_prob", "attention_probs_dropout_prob", "pooler_dropout", "cls_dropout"});
  deberta.check_flags({"relative_attention", "share_att_key", "position_biased_input"});
  for (const char* type : {"deberta", "bert"}) CHECK(deberta.refused("model_type", type) == "");
  for (const json& value : {json(3), json(-1), json("3")}) CHECK(deberta.refused("conv_kernel_size", value) == "");
  CHECK(deberta.refused("embedding_size", 128) == "");
  CHECK(deberta.refused("pooler_hidden_size", 128) == "");
  CHECK(deberta.refused("attention_head_size", 32) == "");
  CHECK(deberta.refused("type_vocab_size", -1) == "");
  CHECK(deberta.refused("num_attention_heads", 7) == "");
  for (const json& value : {json(1), json(-2), json(1022), json(4096), json(2.5)})
    CHECK(deberta.refused("position_buckets", value) == "");
  CHECK(deberta.with("position_buckets", 1021).position_buckets == 1021);
  for (const json& value :
       {json("p2p"), json("c2p|p2p"), json::array({"c2c"}), json::array({1}), json(3), json("c2p|")})
    CHECK(deberta.refused("pos_att_type", value) == "");
  for (const json& value : {json("batch_norm"), json(true), json("layer_norm|x")})
    CHECK(deberta.refused("norm_rel_ebd", value) == "");
  CHECK(deberta.refused("pooler_hidden_act", "quick_gelu") == "");
  CHECK(deberta.refused("max_relative_positions", 1ll << 40) == "");
}

TEST_CASE("distilbert config: everything is read") {
  const DistilbertConfig c = distilbert.read();
  CHECK(c.model_type == "distilbert");
  CHECK(c.hidden_size == 384);
  CHECK(c.head_size() == 32);
  CHECK(c.num_hidden_layers == 4);
  CHECK(c.intermediate_size == 1536);
  CHECK(c.vocab_size == 28996);
  CHECK(c.longest() == 256);
  CHECK(c.type_vocab_size == 0);
  CHECK(c.layer_norm_eps == 1e-12);
  CHECK(c.hidden_act == ActivationKind::Gelu);
  CHECK(c.hidden_dropout_prob == 0.3);
  CHECK(c.attention_probs_dropout_prob == 0.2);
  CHECK(c.classifier_dropout == 0.4);
  CHECK(c.initializer_range == 0.03);
  CHECK(c.labels == std::vector<std::string>{"no", "yes"});
  CHECK(c.pad_token_id == 0);
}

TEST_CASE("distilbert config: variants, defaults and refusals") {
  CHECK(distilbert.without("max_position_embeddings").longest() == 512);
  CHECK(distilbert.without("activation").hidden_act == ActivationKind::Gelu);
  CHECK(distilbert.without("dropout").hidden_dropout_prob == 0.1);
  CHECK(distilbert.without("attention_dropout").attention_probs_dropout_prob == 0.1);
  CHECK(distilbert.without("seq_classif_dropout").classifier_dropout == 0.2);
  CHECK(distilbert.without("model_type").hidden_size == 384);
  CHECK(distilbert.with("activation", "relu").hidden_act == ActivationKind::Relu);
  CHECK(distilbert.with("activation", "gelu_new").hidden_act == ActivationKind::GeluTanh);
  CHECK(distilbert.with("activation", "silu").hidden_act == ActivationKind::Silu);
  distilbert.check_sizes({"dim", "n_layers", "n_heads", "hidden_dim", "vocab_size"}, true);
  distilbert.check_sizes({"max_position_embeddings"}, false);
  distilbert.check_probabilities({"dropout", "attention_dropout", "seq_classif_dropout"});
  distilbert.check_flags({"sinusoidal_pos_embds"});
  for (const char* type : {"bert", "DistilBert", "distilroberta", ""})
    CHECK(distilbert.refused("model_type", type) == "");
  CHECK(distilbert.refused("n_heads", 7) == "");
  CHECK(distilbert.refused("activation", "mish") == "");
  auto common = distilbert;
  for (const auto& [name, own] :
       {std::pair("hidden_size", "dim"), {"num_hidden_layers", "n_layers"}, {"num_attention_heads", "n_heads"}}) {
    common.good[name] = common.good[own];
    common.good.erase(own);
  }
  CHECK(common.read().num_hidden_layers == 4);
  CHECK(distilbert.refused("num_hidden_layers", 5) == "");
}
