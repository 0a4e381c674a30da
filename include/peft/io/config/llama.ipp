// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/error.hpp>
#include <peft/io/config/fields.hpp>
#include <peft/io/config/llama.hpp>
#include <peft/io/config/model_type.hpp>
#include <peft/io/config/rope.hpp>

namespace peft {

namespace config_reader {

// The last tokens that some layer sees, or 0 where all see everything before a token: Mistral's layers have a window of
// 4096 where the file does not say null; Qwen2's, where it says so, those from max_window_layers on.
PEFT_INLINE int window(const JsonFields& fields, const std::string& type, int layers) {
  const auto tokens = [&] { return whole(fields, "sliding_window", 1, 1 << 30, 4096); };
  const bool none = fields.given("sliding_window") && fields.find("sliding_window") == nullptr;
  if (type == "mistral") return none ? 0 : tokens();
  if (type != "qwen2") return 0;
  bool slides =
      fields.boolean("use_sliding_window", false) && whole(fields, "max_window_layers", 0, 1 << 20, 28) < layers;
  if (fields.find("layer_types") != nullptr) {
    slides = false;
    for (const std::string& kind : fields.texts("layer_types")) {
      if (kind != "full_attention" && kind != "attention" && kind != "sliding_attention")
        fields.refuse("layer_types",
                      cat("\"full_attention\" or \"sliding_attention\" for every layer, not ", shown(kind)));
      slides = slides || kind == "sliding_attention";
    }
  }
  if (slides && none) fields.refuse("sliding_window", "the tokens that a layer of \"sliding_attention\" sees");
  return slides ? tokens() : 0;
}

}  // namespace config_reader

PEFT_INLINE LlamaConfig parse_llama_config(std::string_view text, const std::string& where) {
  using namespace config_reader;
  const auto document = parse_json(text, where);
  const JsonFields fields(document, where);
  LlamaConfig config;
  config.model_type = model_type(fields, {"llama", "qwen2", "mistral"});
  const bool llama = config.model_type == "llama", qwen2 = config.model_type == "qwen2";
  config.hidden_size = whole(fields, "hidden_size", 1, 1 << 16);
  config.intermediate_size = whole(fields, "intermediate_size", 1, 1 << 20);
  config.num_hidden_layers = whole(fields, "num_hidden_layers", 1, 1 << 10);
  config.num_attention_heads = whole(fields, "num_attention_heads", 1, 1 << 12);
  config.window = window(fields, config.model_type, config.num_hidden_layers);
  if (!llama && !fields.given("num_key_value_heads"))
    fields.refuse("num_key_value_heads", "the number of keys per token, or null");
  config.num_key_value_heads = whole(fields, "num_key_value_heads", 1, 1 << 12, config.num_attention_heads);
  if (config.num_attention_heads % config.num_key_value_heads != 0)
    fields.refuse("num_key_value_heads", cat("a divisor of num_attention_heads, ", config.num_attention_heads));
  if (fields.find("head_dim") == nullptr && config.hidden_size % config.num_attention_heads != 0)
    fields.refuse("num_attention_heads",
                  cat("a divisor of hidden_size, ", config.hidden_size, " (or head_dim beside it)"));
  config.head_dim = whole(fields, "head_dim", 1, 1 << 12, config.hidden_size / config.num_attention_heads);
  if (config.head_dim % 2 != 0)
    fields.refuse("head_dim", cat("an even number, not ", config.head_dim, " (rotary positions turn pairs)"));
  config.max_position_embeddings = whole(fields, "max_position_embeddings", 1, 1 << 30);
  config.rms_norm_eps = epsilon(fields, "rms_norm_eps", 1e-6);
  config.rope = read_rope(fields, config.max_position_embeddings);
  config.hidden_act = activation(fields, "hidden_act", fields.text("hidden_act", "silu"), {ActivationKind::Silu});
  config.attention_dropout = probability(fields, "attention_dropout", 0);
  const bool bias = fields.boolean("attention_bias", false);
  config.qkv_bias = qwen2 || (llama && bias);
  config.out_bias = llama && bias;
  config.mlp_bias = fields.boolean("mlp_bias", false) && llama;
  config.classifier_dropout = probability(fields, "classifier_dropout", 0);
  config.tie_word_embeddings = fields.boolean("tie_word_embeddings", false);
  if (qwen2) {
    config.bos_token_id = -1;
    config.eos_token_id.clear();
  }
  read_common(fields, config);
  return config;
}

PEFT_INLINE LlamaConfig read_llama_config(const std::filesystem::path& path) {
  return config_reader::read_file(path, parse_llama_config, read_model_type);
}

}  // namespace peft
