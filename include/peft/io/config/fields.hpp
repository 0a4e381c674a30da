// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/activation_kind.hpp>
#include <peft/io/checkpoint_config.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/io/mapped_file.hpp>

/// What the readers of config.json share. Each throws Error naming the file, the key and what was expected.
namespace peft::config_reader {

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

inline double epsilon(const JsonFields& fields, std::string_view key, double missing) {
  return fields.number(key, std::numeric_limits<double>::min(), 1e-1, missing);
}

/// Throws unless `key` is `wanted` (or missing, where that means the same).
inline void only(const JsonFields& fields, std::string_view key, bool wanted,
                 std::string_view reason = "others are not supported") {
  if (fields.boolean(key, wanted) != wanted) fields.refuse(key, cat(wanted ? "true" : "false", " (", reason, ')'));
}

inline constexpr std::pair<const char*, ActivationKind> activation_names[] = {
    {"gelu", ActivationKind::Gelu},
    {"gelu_new", ActivationKind::GeluTanh},
    {"gelu_pytorch_tanh", ActivationKind::GeluTanh},
    {"relu", ActivationKind::Relu},
    {"silu", ActivationKind::Silu},
    {"swish", ActivationKind::Silu},
    {"tanh", ActivationKind::Tanh}};

/// The kind that `name`, (part of) the value of `key`, spells; one of `allowed`.
inline ActivationKind activation(const JsonFields& fields, std::string_view key, std::string_view name,
                                 std::initializer_list<ActivationKind> allowed) {
  std::string known;
  for (const auto& [spelled, kind] : activation_names) {
    if (std::find(allowed.begin(), allowed.end(), kind) == allowed.end()) continue;
    if (name == spelled) return kind;
    known += cat(known.empty() ? "" : ", ", spelled);
  }
  fields.refuse(key, cat("one of ", known, " (others are not supported)"));
}

/// The model's kind: one of `known`, the first of which a file without one is taken for.
inline std::string model_type(const JsonFields& fields, std::initializer_list<const char*> known) {
  std::string names;
  const std::string found = fields.text("model_type", *known.begin());
  for (const char* name : known) {
    if (found == name) return found;
    names += cat(names.empty() ? "\"" : ", \"", name, '"');
  }
  fields.refuse("model_type", names);
}

/// "id2label": {"0": "negative", "1": "positive"}: the classes 0 .. n-1, each once.
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

/// A token: `missing` where the key is, -1 where it is null; older files also write -1.
inline int token(const JsonFields& fields, std::string_view key, int vocabulary, int missing) {
  if (!fields.given(key)) return missing < vocabulary ? missing : -1;
  return whole(fields, key, -1, vocabulary - 1, -1);
}

/// One token or a list of them.
inline std::vector<int> tokens(const JsonFields& fields, std::string_view key, int vocabulary,
                               const std::vector<int>& missing) {
  std::vector<int> out;
  const auto* value = fields.find(key);
  if (value != nullptr && value->is_array()) {
    for (const auto& one : *value) {
      const nlohmann::json entry = {{"entry", one}};
      out.push_back(whole(JsonFields(entry, cat(fields.where(), ": ", key)), "entry", 0, vocabulary - 1));
    }
    return out;
  }
  if (!fields.given(key)) {
    for (const int id : missing)
      if (id < vocabulary) out.push_back(id);
  } else if (const int id = whole(fields, key, -1, vocabulary - 1, -1); id >= 0) {
    out.push_back(id);
  }
  return out;
}

/// The fields of CheckpointConfig but the dropout; `config` holds the family's defaults.
inline void read_common(const JsonFields& fields, CheckpointConfig& config) {
  config.vocab_size = whole(fields, "vocab_size", 1, 1 << 24);
  config.pad_token_id = token(fields, "pad_token_id", config.vocab_size, config.pad_token_id);
  config.bos_token_id = token(fields, "bos_token_id", config.vocab_size, config.bos_token_id);
  config.eos_token_id = tokens(fields, "eos_token_id", config.vocab_size, config.eos_token_id);
  config.initializer_range = fields.number("initializer_range", 0, 10, config.initializer_range);
  config.labels = labels(fields);
  const int named = config.labels.empty() ? 2 : static_cast<int>(config.labels.size());
  config.num_labels = whole(fields, "num_labels", 1, 1 << 20, named);
  if (!config.labels.empty() && config.num_labels != named)
    fields.refuse("num_labels", cat("the ", named, " classes that id2label names"));
  if (!config.labels.empty()) check_label2id(fields, named);  // alone it counts for nothing, as in Hugging Face's own
  config.problem_type = fields.text("problem_type", "");
  config.architectures = fields.texts("architectures");
}

/// A file, or the config.json of a model folder, given to `parse(text, where)`.
template <class Parse>
auto read_file(const std::filesystem::path& path, const Parse& parse) {
  const auto file = std::filesystem::is_directory(path) ? path / "config.json" : path;
  const MappedFile content(file);
  return parse(content.text(), file.string());
}

}  // namespace peft::config_reader
