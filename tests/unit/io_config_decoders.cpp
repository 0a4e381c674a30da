// SPDX-License-Identifier: Apache-2.0
#include <peft/io/config/gpt2.hpp>
#include <peft/io/config/t5.hpp>

#include <cmath>

#include "io_config_refused.hpp"

using namespace peft;
using nlohmann::json;

namespace {

const ConfigFile<T5Config> t5{parse_t5_config, json::parse(R"({
    "architectures": ["T5ForConditionalGeneration"], "classifier_dropout": 0.0, "d_ff": 1024, "d_kv": 64, "d_model": 512,
    "decoder_start_token_id": 0, "dense_act_fn": "gelu_new", "dropout_rate": 0.1, "eos_token_id": 1,
    "feed_forward_proj": "gated-gelu", "initializer_factor": 1.0, "is_encoder_decoder": true, "is_gated_act": true,
    "layer_norm_epsilon": 1e-06, "model_type": "t5", "num_decoder_layers": 7, "num_heads": 6, "num_layers": 8,
    "pad_token_id": 0, "relative_attention_max_distance": 128, "relative_attention_num_buckets": 32,
    "tie_word_embeddings": false, "vocab_size": 32128})")};

const ConfigFile<Gpt2Config> gpt2{parse_gpt2_config, json::parse(R"({
    "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.2, "bos_token_id": 2,
    "embd_pdrop": 0.3, "eos_token_id": 3, "initializer_range": 0.02, "layer_norm_epsilon": 1e-05, "model_type": "gpt2",
    "n_embd": 256, "n_head": 8, "n_inner": null, "n_layer": 6, "n_positions": 512, "pad_token_id": 0,
    "reorder_and_upcast_attn": false, "resid_pdrop": 0.1, "scale_attn_by_inverse_layer_idx": false,
    "scale_attn_weights": true, "summary_activation": null, "vocab_size": 9669})")};

}  // namespace

TEST_CASE("t5 config: everything is read") {
  const T5Config c = t5.read();
  CHECK(c.model_type == "t5");
  CHECK(c.d_model == 512);
  CHECK(c.d_kv == 64);
  CHECK(c.d_ff == 1024);
  CHECK(c.num_layers == 8);
  CHECK(c.num_decoder_layers == 7);
  CHECK(c.num_heads == 6);
  CHECK(c.attention_size() == 384);
  CHECK(c.relative_attention_num_buckets == 32);
  CHECK(c.relative_attention_max_distance == 128);
  CHECK(c.dropout_rate == 0.1);
  CHECK(c.layer_norm_epsilon == 1e-6);
  CHECK(c.gated);
  CHECK(c.activation == ActivationKind::GeluTanh);
  CHECK(!c.tie_word_embeddings);
  CHECK(c.decoder_start_token_id == 0);
  CHECK(c.eos_token_id == std::vector<int>{1});
  CHECK(c.pad_token_id == 0);
  CHECK(c.initializer_range == 1 / std::sqrt(512.));
}

TEST_CASE("t5 config: variants and defaults") {
  CHECK(t5.without("num_decoder_layers").num_decoder_layers == 8);
  CHECK(t5.without("tie_word_embeddings").tie_word_embeddings);
  CHECK(t5.without("relative_attention_max_distance").relative_attention_max_distance == 128);
  CHECK(t5.without("decoder_start_token_id").decoder_start_token_id == 0);
  CHECK(t5.with("decoder_start_token_id", 5).decoder_start_token_id == 5);
  CHECK(t5.without("eos_token_id").eos_token_id == std::vector<int>{1});
  CHECK(t5.with("eos_token_id", json::array({1, 7})).eos_token_id == std::vector<int>{1, 7});
  auto bare = t5;
  for (const char* key : {"dense_act_fn", "is_gated_act"}) bare.good.erase(key);
  const auto plain = bare.without("feed_forward_proj");
  CHECK(!plain.gated);
  CHECK(plain.activation == ActivationKind::Relu);
  for (const auto& [text, kind, gated] : {std::tuple("relu", ActivationKind::Relu, false),
                                          {"gelu", ActivationKind::Gelu, false},
                                          {"gelu_new", ActivationKind::GeluTanh, false},
                                          {"gated-silu", ActivationKind::Silu, true},
                                          {"gated-relu", ActivationKind::Relu, true},
                                          {"gated-gelu_new", ActivationKind::GeluTanh, true}}) {
    INFO(text);
    auto alone = t5;  // what transformers makes of it and writes beside it counts more
    alone.good.erase("dense_act_fn");
    alone.good.erase("is_gated_act");
    CHECK(alone.with("feed_forward_proj", text).activation == kind);
    CHECK(alone.with("feed_forward_proj", text).gated == gated);
    CHECK(t5.with("feed_forward_proj", text).activation == ActivationKind::GeluTanh);
    CHECK(t5.with("feed_forward_proj", text).gated);
  }
  CHECK(t5.with("dense_act_fn", "relu").activation == ActivationKind::Relu);
  CHECK(!t5.with("is_gated_act", false).gated);
  // Transformers 5 ties all and says apart whether outputs are scaled; mT5's never are.
  CHECK(t5.with("tie_word_embeddings", true).scale_decoder_outputs);
  CHECK(!t5.read().scale_decoder_outputs);
  auto v5 = t5;
  v5.good["tie_word_embeddings"] = true;
  CHECK(!v5.with("scale_decoder_outputs", false).scale_decoder_outputs);
  CHECK(!v5.with("model_type", "mt5").scale_decoder_outputs);
  for (const auto& [common, own] : {std::pair("hidden_size", "d_model"),
                                    {"num_hidden_layers", "num_layers"},
                                    {"num_attention_heads", "num_heads"},
                                    {"head_dim", "d_kv"}}) {
    auto other = t5;
    other.good[common] = other.good[own];
    CHECK(other.without(own).d_model == 512);
    CHECK(other.refused(common, 3) == "");
  }
  json mt5 = {{"model_type", "mt5"}, {"vocab_size", 250112}, {"d_model", 512}, {"d_kv", 64},
              {"d_ff", 1024},        {"num_layers", 8},      {"num_heads", 6}};
  const auto c = parse_t5_config(mt5.dump(), "config.json");
  CHECK(c.gated);
  CHECK(c.activation == ActivationKind::GeluTanh);
  CHECK(!c.tie_word_embeddings);
}

TEST_CASE("t5 config: impossible values are refused") {
  t5.check_sizes({"vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_heads"}, true);
  t5.check_sizes({"num_decoder_layers", "relative_attention_num_buckets", "relative_attention_max_distance"}, false);
  t5.check_probabilities({"dropout_rate", "classifier_dropout"});
  t5.check_flags({"tie_word_embeddings", "is_encoder_decoder"});
  CHECK(t5.refused("is_encoder_decoder", false) == "");
  for (const char* text : {"gated", "gated-", "relu-gated", "gated-gelu-new", "gelu_10", "", "tanh"})
    CHECK(t5.refused("feed_forward_proj", text) == "");
  CHECK(t5.refused("relative_attention_num_buckets", 3) == "");
  CHECK(t5.refused("relative_attention_max_distance", 16) == "");
  CHECK(t5.refused("model_type", "bart") == "");
  CHECK(t5.refused("decoder_start_token_id", 32128) == "");
  for (const json& value : {json("1"), json::array({"1"}), json::array({json::array()}), json(true)})
    CHECK(t5.refused("eos_token_id", value) == "");
  json many = t5.good;
  many["relative_attention_num_buckets"] = 1000;
  many.erase("relative_attention_max_distance");
  CHECK(lacks(error_of([&] { parse_t5_config(many.dump(), "f"); }), {"relative_attention_num_buckets"}) == "");
  json none = t5.good;
  none["pad_token_id"] = nullptr;
  none["decoder_start_token_id"] = nullptr;
  CHECK(lacks(error_of([&] { parse_t5_config(none.dump(), "f"); }), {"decoder_start_token_id"}) == "");
}

TEST_CASE("gpt2 config: everything is read") {
  const Gpt2Config c = gpt2.read();
  CHECK(c.n_embd == 256);
  CHECK(c.n_layer == 6);
  CHECK(c.n_head == 8);
  CHECK(c.head_size() == 32);
  CHECK(c.n_inner == 1024);
  CHECK(c.n_positions == 512);
  CHECK(c.longest() == 512);
  CHECK(c.activation_function == ActivationKind::GeluTanh);
  CHECK(c.layer_norm_epsilon == 1e-5);
  CHECK(c.attn_pdrop == 0.2);
  CHECK(c.embd_pdrop == 0.3);
  CHECK(c.resid_pdrop == 0.1);
  CHECK(c.vocab_size == 9669);
  CHECK(c.bos_token_id == 2);
  CHECK(c.eos_token_id == std::vector<int>{3});
  CHECK(c.pad_token_id == 0);
  CHECK(c.tie_word_embeddings);
}

TEST_CASE("gpt2 config: variants and refusals") {
  CHECK(gpt2.with("n_inner", 300).n_inner == 300);
  CHECK(gpt2.with("activation_function", "relu").activation_function == ActivationKind::Relu);
  CHECK(gpt2.with("tie_word_embeddings", false).tie_word_embeddings == false);
  CHECK(gpt2.without("pad_token_id").pad_token_id == -1);
  CHECK(gpt2.without("bos_token_id").bos_token_id == -1);  // GPT-2's own is outside this vocabulary
  CHECK(gpt2.without("eos_token_id").eos_token_id.empty());
  gpt2.check_sizes({"vocab_size", "n_embd", "n_layer", "n_head", "n_positions"}, true);
  gpt2.check_sizes({"n_inner"}, false);
  auto common = gpt2;  // the names that every family has
  for (const auto& [name, own] : {std::pair("hidden_size", "n_embd"), {"max_position_embeddings", "n_positions"}}) {
    common.good[name] = common.good[own];
    common.good.erase(own);
  }
  CHECK(common.read().n_positions == 512);
  CHECK(gpt2.refused("num_hidden_layers", 7) == "");
  gpt2.check_probabilities({"attn_pdrop", "embd_pdrop", "resid_pdrop"});
  gpt2.check_flags({"scale_attn_weights", "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn",
                    "add_cross_attention", "tie_word_embeddings"});
  CHECK(gpt2.refused("scale_attn_weights", false) == "");
  CHECK(gpt2.refused("scale_attn_by_inverse_layer_idx", true) == "");
  CHECK(gpt2.refused("reorder_and_upcast_attn", true) == "");
  CHECK(gpt2.refused("add_cross_attention", true) == "");
  CHECK(gpt2.refused("n_head", 7) == "");
  CHECK(gpt2.refused("activation_function", "quick_gelu") == "");
  CHECK(gpt2.refused("model_type", "gpt_neo") == "");
  CHECK(gpt2.with("bos_token_id", 9669).bos_token_id == -1);
  for (const json& value : {json(0), json(1), json("1e-5")}) CHECK(gpt2.refused("layer_norm_epsilon", value) == "");
}
