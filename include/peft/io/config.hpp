// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/io/bert_config.hpp>

namespace peft {

namespace bert_config_reader {

inline int whole(const JsonFields& fields, std::string_view key, int low, int high) {
  return static_cast<int>(fields.integer(key, low, high));
}

inline int whole(const JsonFields& fields, std::string_view key, int low, int high, int missing) {
  return static_cast<int>(fields.integer(key, low, high, missing));
}

inline double probability(const JsonFields& fields, std::string_view key, double missing) {
  const double p = fields.number(key, 0, 1, missing);
  if (p == 1) fields.refuse(key, "a probability below 1");
  return p;
}

inline BertActivation activation(const JsonFields& fields) {
  const std::string text = fields.text("hidden_act", "gelu");
  if (text == "gelu") return BertActivation::Gelu;
  if (text != "gelu_new" && text != "gelu_pytorch_tanh")
    fields.refuse("hidden_act", "gelu, gelu_new or gelu_pytorch_tanh (others are not supported)");
  return BertActivation::GeluTanh;
}

// "id2label": {"0": "negative", "1": "positive"}: the classes 0 .. n-1, each once.
inline std::vector<std::string> labels(const JsonFields& fields) {
  std::vector<std::string> result;
  const auto* map = fields.find("id2label");
  if (map == nullptr) return result;
  if (!map->is_object() || map->empty()) fields.refuse("id2label", "an object from class numbers to names");
  const JsonFields entries(*map, fields.where() + ": id2label");
  for (std::size_t i = 0; i < map->size(); ++i) result.push_back(entries.text(std::to_string(i)));
  return result;
}

inline void check_label2id(const JsonFields& fields, int count) {
  const auto* map = fields.find("label2id");
  if (map == nullptr) return;
  if (!map->is_object()) fields.refuse("label2id", "an object from names to class numbers");
  const JsonFields entries(*map, fields.where() + ": label2id");
  for (const auto& [label, id] : map->items()) entries.integer(label, 0, count - 1);
}

}  // namespace bert_config_reader

/// Reads the text of a BERT config.json. `where` names it in errors. Throws Error naming the key for a model of another
/// kind (model_type, positions, decoder), for a value of the wrong type and for one that no model can have.
inline BertConfig parse_bert_config(std::string_view text, const std::string& where) {
  using namespace bert_config_reader;
  const auto document = parse_json(text, where);
  const JsonFields fields(document, where);
  if (fields.text("model_type", "bert") != "bert") fields.refuse("model_type", "\"bert\"");
  if (fields.text("position_embedding_type", "absolute") != "absolute")
    fields.refuse("position_embedding_type", "\"absolute\"");
  for (const char* key : {"is_decoder", "add_cross_attention"})
    if (fields.boolean(key, false)) fields.refuse(key, "false (an encoder)");

  BertConfig config;
  config.hidden_size = whole(fields, "hidden_size", 1, 1 << 16);
  config.num_hidden_layers = whole(fields, "num_hidden_layers", 1, 1 << 10);
  config.num_attention_heads = whole(fields, "num_attention_heads", 1, 1 << 12);
  if (config.hidden_size % config.num_attention_heads != 0)
    fields.refuse("num_attention_heads", cat("a divisor of hidden_size, ", config.hidden_size));
  config.intermediate_size = whole(fields, "intermediate_size", 1, 1 << 20);
  config.vocab_size = whole(fields, "vocab_size", 1, 1 << 24);
  config.max_position_embeddings = whole(fields, "max_position_embeddings", 1, 1 << 20, 512);
  config.type_vocab_size = whole(fields, "type_vocab_size", 1, 1 << 10, 2);
  config.pad_token_id = whole(fields, "pad_token_id", 0, config.vocab_size - 1, 0);
  config.layer_norm_eps = fields.number("layer_norm_eps", std::numeric_limits<double>::min(), 1e-1, 1e-12);
  config.hidden_act = activation(fields);
  config.hidden_dropout_prob = probability(fields, "hidden_dropout_prob", 0.1);
  config.attention_probs_dropout_prob = probability(fields, "attention_probs_dropout_prob", 0.1);
  config.classifier_dropout = probability(fields, "classifier_dropout", config.hidden_dropout_prob);
  config.initializer_range = fields.number("initializer_range", 0, 10, 0.02);

  config.labels = labels(fields);
  const int named = config.labels.empty() ? 2 : static_cast<int>(config.labels.size());
  config.num_labels = whole(fields, "num_labels", 1, 1 << 20, named);
  if (!config.labels.empty() && config.num_labels != named)
    fields.refuse("num_labels", cat("the ", named, " classes that id2label names"));
  if (!config.labels.empty()) check_label2id(fields, named);  // alone it counts for nothing, as in Hugging Face's own
  config.problem_type = fields.text("problem_type", "");
  config.architectures = fields.texts("architectures");
  return config;
}

/// Reads a config.json, or the one in a model folder.
inline BertConfig read_bert_config(const std::filesystem::path& path) {
  const auto file = std::filesystem::is_directory(path) ? path / "config.json" : path;
  const MappedFile content(file);
  return parse_bert_config(content.text(), file.string());
}

}  // namespace peft
