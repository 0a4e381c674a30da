// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <iterator>
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
    {"gelu_python", ActivationKind::Gelu},
    {"gelu_new", ActivationKind::GeluTanh},
    {"gelu_fast", ActivationKind::GeluTanh},
    {"gelu_accurate", ActivationKind::GeluTanh},
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

/// Puts a family's own keys in the place of the names that transformers knows for them in every family (its
/// attribute_map).
inline void use_own_keys(nlohmann::json& document, const std::string& where,
                         std::initializer_list<std::pair<const char*, const char*>> names) {
  if (!document.is_object()) return;
  for (const auto& [common, own] : names) {
    const auto given = document.find(common);
    if (given == document.end() || given->is_null()) continue;
    const nlohmann::json value = *given;
    if (const auto mine = document.find(own); mine != document.end() && !mine->is_null() && *mine != value)
      fail(where, ": \"", own, "\" is ", shown(*mine), ", but \"", common, "\", another name of it, is ", shown(value));
    document[own] = value;
  }
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

/// "id2label": {"0": "negative", "1": "positive"}: the names of the classes 0 .. n-1, empty where it has no such.
inline std::vector<std::string> labels(const nlohmann::json& map) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < map.size(); ++i) {
    const auto name = map.find(std::to_string(i));
    if (name == map.end() || !(name->is_string() || name->is_number())) return {};
    result.push_back(name->is_string() ? name->get<std::string>() : name->dump());
  }
  return result;
}

/// Does label2id, which says the same the other way round, give each class its number? Python writes that as a text at
/// times.
inline bool same_labels(const nlohmann::json& map, const std::vector<std::string>& labels) {
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (const auto id = map.find(labels[i]); id == map.end() || (*id != i && *id != std::to_string(i))) return false;
  return true;
}

/// The classes: how many, and their names. As in transformers num_labels counts, and names that do not fit it go; a
/// backbone is none the worse.
inline void read_labels(const JsonFields& fields, CheckpointConfig& config) {
  const auto note = [&](const auto&... what) { config.notes.push_back(cat(fields.where(), ": ", what...)); };
  const auto *map = fields.find("id2label"), *back = fields.find("label2id");
  if (map == nullptr) {  // label2id alone counts for nothing
    config.num_labels = whole(fields, "num_labels", 1, 1 << 20, 2);
    return;
  }
  if (!map->is_object() || map->empty()) fields.refuse("id2label", "an object from class numbers to names");
  const int named = static_cast<int>(map->size());
  config.labels = labels(*map);
  config.num_labels = whole(fields, "num_labels", 1, 1 << 20, named);
  if (config.num_labels != named) {
    note("num_labels is ", config.num_labels, ", and id2label names ", named, " classes: its names are not used");
    config.labels.clear();
  } else if (config.labels.empty()) {
    note("id2label does not name the classes 0 to ", named - 1, ": its names are not used");
  } else if (back != nullptr && back->is_object() && !same_labels(*back, config.labels)) {
    note("label2id numbers the classes otherwise than id2label, which is used");
  }
}

/// A token: `missing` where the key is, -1 where it is null, or no row of the vocabulary (some files have -1, or a
/// token that was added to the tokenizer alone).
inline int token(const JsonFields& fields, std::string_view key, int vocabulary, int missing) {
  const int id = fields.given(key)
                     ? whole(fields, key, std::numeric_limits<int>::min(), std::numeric_limits<int>::max(), -1)
                     : missing;
  return id < vocabulary ? std::max(id, -1) : -1;
}

/// One token or a list of them.
inline std::vector<int> tokens(const JsonFields& fields, std::string_view key, int vocabulary,
                               const std::vector<int>& missing) {
  std::vector<int> all = missing, out;
  if (const auto* value = fields.find(key); value != nullptr && value->is_array()) {
    all.clear();
    for (const auto& one : *value) {
      const nlohmann::json entry = {{"entry", one}};
      all.push_back(token(JsonFields(entry, cat(fields.where(), ": ", key)), "entry", vocabulary, -1));
    }
  } else if (fields.given(key)) {
    all = {token(fields, key, vocabulary, -1)};
  }
  std::copy_if(all.begin(), all.end(), std::back_inserter(out), [&](int id) { return id >= 0 && id < vocabulary; });
  return out;
}

/// What would make the stored weights, or single layers, other than the rest of the config says.
inline void refuse_changed_weights(const JsonFields& fields) {
  if (const auto* q = fields.find("quantization_config"); q != nullptr) {
    const auto method = q->is_object() ? q->find("quant_method") : q->end();
    fields.refuse(
        "quantization_config",
        cat("none (quantised weights",
            q->is_object() && method != q->end() ? cat(", here by ", shown(*method)) : std::string(),
            ", are not read: take the model that was quantised, or dequantise it where it was, by model.dequantize() and save_pretrained)"));
  }
  for (const char* key : {"pruned_heads", "per_layer_config"})
    if (const auto* value = fields.find(key); value != nullptr && !value->empty())
      fields.refuse(key, "none (layers that differ in size are not supported)");
}

/// The fields of CheckpointConfig but the dropout; `config` holds the family's defaults.
inline void read_common(const JsonFields& fields, CheckpointConfig& config) {
  config.vocab_size = whole(fields, "vocab_size", 1, 1 << 24);
  config.pad_token_id = token(fields, "pad_token_id", config.vocab_size, config.pad_token_id);
  config.bos_token_id = token(fields, "bos_token_id", config.vocab_size, config.bos_token_id);
  config.eos_token_id = tokens(fields, "eos_token_id", config.vocab_size, config.eos_token_id);
  config.initializer_range = fields.number("initializer_range", 0, 10, config.initializer_range);
  read_labels(fields, config);
  config.problem_type = fields.text("problem_type", "");
  config.architectures = fields.texts("architectures");
  refuse_changed_weights(fields);
  if (fields.find("auto_map") != nullptr)
    config.notes.push_back(
        cat(fields.where(),
            ": auto_map names code that came with the model; it is not run, and the model is read as a plain ",
            config.model_type));
}

/// A file, or the config.json of a model folder, given to `parse(text, where)`. One without a model_type gets that
/// which `infer(path)` finds.
template <class Parse, class Infer>
auto read_file(const std::filesystem::path& path, const Parse& parse, const Infer& infer) {
  const auto file = std::filesystem::is_directory(path) ? path / "config.json" : path;
  const MappedFile content(file);
  auto document = parse_json(content.text(), file.string());
  if (!document.is_object() || document.value("model_type", nlohmann::json()) != nullptr)
    return parse(content.text(), file.string());
  document["model_type"] = infer(path);
  return parse(to_text(document, -1, file.string()), file.string());
}

}  // namespace peft::config_reader
