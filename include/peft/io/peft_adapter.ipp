// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include <peft/io/check_finite.hpp>
#include <peft/io/checksum.hpp>
#include <peft/io/json.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/io/open_tensors.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_names.hpp>
#include <peft/io/safetensors_write.hpp>
#include <peft/io/saved_together.hpp>

namespace peft {

PEFT_INLINE std::string PeftAdapter::kind() const { return fields().text("peft_type"); }

PEFT_INLINE JsonFields PeftAdapter::fields() const { return {config, source + "/adapter_config.json"}; }

PEFT_INLINE void PeftAdapter::add(std::string name, std::vector<std::int64_t> shape, std::vector<float> data) {
  tensors.push_back({std::move(name), std::move(shape), std::move(data)});
}

PEFT_INLINE std::string kind_of(const PeftAdapter& a) { return a.kind(); }

PEFT_INLINE void require_kind(const PeftAdapter& a, const char* kind) {
  if (a.kind() != kind) a.fields().refuse("peft_type", cat("\"", kind, "\""));
}

PEFT_INLINE bool holds_tensor(const PeftAdapter& a, std::string_view end) {
  return std::any_of(a.tensors.begin(), a.tensors.end(), [&](const HostTensor& t) { return t.name.ends_with(end); });
}

PEFT_INLINE std::int64_t rows_of_tensor(const PeftAdapter& a, const std::string& name) {
  return rows_of(a.tensors, name);
}

PEFT_INLINE const std::string& source_of(const PeftAdapter& a) { return a.source; }

PEFT_INLINE const HeadLabels& labels_of(const PeftAdapter& a) { return a.labels; }

PEFT_INLINE nlohmann::json plain_number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return static_cast<std::int64_t>(value);
  return value;
}

PEFT_INLINE nlohmann::json rounded_number(double value) {
  const double near = std::round(value * 1e6) / 1e6;
  return plain_number(std::abs(value - near) <= 1e-12 * std::abs(value) ? near : value);
}

namespace peft_adapter {

// By kind; see default_config.
struct Defaults {
  const char* kind;
  const char* config;
};
constexpr const char* common_keys =
    R"({"auto_mapping": null, "base_model_name_or_path": null, "inference_mode": true, "modules_to_save": null,
  "peft_version": "0.21.2", "revision": null, "task_type": null})";
constexpr const char* lora_keys =
    R"({"alora_invocation_tokens": null, "alpha_pattern": {}, "arrow_config": null, "bias": "none", "corda_config": null,
  "ensure_weight_tying": false, "eva_config": null, "exclude_modules": null, "fan_in_fan_out": false, "init_lora_weights": true, "kasa_config": null,
  "layer_replication": null, "layers_pattern": null, "layers_to_transform": null, "loftq_config": {}, "lora_alpha": 8, "lora_bias": false,
  "lora_dropout": 0.0, "lora_ga_config": null, "megatron_config": null, "megatron_core": "megatron.core", "monteclora_config": null,
  "qalora_group_size": 16, "r": 8, "rank_pattern": {}, "target_modules": [], "target_parameters": null, "trainable_token_indices": null,
  "use_bdlora": null, "use_dora": false, "use_qalora": false, "use_rslora": false, "velora_config": null})";
constexpr const char* prompt_keys =
    R"({"num_attention_heads": null, "num_layers": null, "num_transformer_submodules": null, "num_virtual_tokens": null,
  "token_dim": null})";
constexpr Defaults own_keys[] = {
    {"LORA", "{}"},
    {"ADALORA",
     R"({"beta1": 0.85, "beta2": 0.85, "deltaT": 1, "init_r": 12, "orth_reg_weight": 0.5, "rank_pattern": null, "target_r": 8, "tfinal": 0,
      "tinit": 0, "total_step": 1})"},
    {"VERA",
     R"({"bias": "none", "d_initial": 0.1, "fan_in_fan_out": false, "init_weights": true, "layers_pattern": null, "layers_to_transform": null,
      "projection_prng_key": 0, "r": 256, "save_projection": true, "target_modules": [], "vera_dropout": 0.0})"},
    {"IA3",
     R"({"exclude_modules": null, "fan_in_fan_out": false, "feedforward_modules": [], "init_ia3_weights": true, "target_modules": []})"},
    {"PROMPT_TUNING",
     R"({"prompt_tuning_init": "RANDOM", "prompt_tuning_init_text": null, "tokenizer_kwargs": null, "tokenizer_name_or_path": null})"},
    {"P_TUNING",
     R"({"encoder_dropout": 0.0, "encoder_hidden_size": null, "encoder_num_layers": 2, "encoder_reparameterization_type": "MLP"})"},
    {"PREFIX_TUNING", R"({"encoder_hidden_size": null, "init_weights": null, "prefix_projection": false})"}};

// What PEFT saves whole for a task, without being told. It means every module whose name ends so, and what is inside of
// it.
PEFT_INLINE std::set<std::string> saved_for(const std::string& task) {
  return task == "SEQ_CLS" || task == "TOKEN_CLS" ? std::set<std::string>{"classifier", "score"}
                                                  : std::set<std::string>{};
}

}  // namespace peft_adapter

PEFT_INLINE nlohmann::json default_config(const std::string& kind) {
  using namespace peft_adapter;
  nlohmann::json config = parse_json(common_keys, kind);
  config["peft_type"] = kind;
  if (kind == "LORA" || kind == "ADALORA") config.update(parse_json(lora_keys, kind));
  if (kind.starts_with("P")) config.update(parse_json(prompt_keys, kind));
  for (const Defaults& own : own_keys)
    if (kind == own.kind) config.update(parse_json(own.config, kind));
  return config;
}

PEFT_INLINE PeftAdapter new_adapter(const std::string& kind, const std::string& base_model,
                                    const std::vector<HostTensor>& head, const std::string& prefix,
                                    const std::string& task_type) {
  PeftAdapter a;
  a.config = default_config(kind);
  if (!task_type.empty()) a.config["task_type"] = task_type;
  if (!base_model.empty()) a.config["base_model_name_or_path"] = base_model;
  const std::set<std::string> by_task = peft_adapter::saved_for(task_type);
  std::set<std::string> saved = by_task;
  for (const auto& t : head) {
    require(t.name.rfind('.') != std::string::npos && t.name.find("lora_") == std::string::npos,
            "cannot save the head's tensor \"", t.name, "\": a name such as classifier.weight was expected");
    const auto means = [&](const std::string& one) { return t.name.find(one + ".") != std::string::npos; };
    if (std::none_of(by_task.begin(), by_task.end(), means)) saved.insert(t.name.substr(0, t.name.rfind('.')));
    a.add(prefix + t.name, t.shape, t.data);
  }
  if (!head.empty() && !saved.empty()) a.config["modules_to_save"] = saved;
  return a;
}

PEFT_INLINE std::string stage_peft(AtomicFiles& files, const std::filesystem::path& folder, const PeftAdapter& a) {
  std::vector<NamedTensor> tensors;
  for (const auto& t : a.tensors) tensors.push_back(named(t));
  const auto file = folder / "adapter_config.json", weights = folder / "adapter_model.safetensors";
  const std::string config = to_text(a.config, 2, file.string());
  std::map<std::string, std::string> metadata{{"format", "pt"}, {std::string(config_note), hash_of_config(a)}};
  if (a.labels) metadata[labels_key] = to_label_text(*a.labels, weights.string());
  const std::string sum = write_safetensors(files.add(weights), tensors, metadata);
  files.add_seal(file).write(config + "\n");
  return sum;
}

PEFT_INLINE void save_peft(const std::filesystem::path& folder, const PeftAdapter& a) {
  AtomicFiles files;
  stage_peft(files, folder, a);
  commit_save(files, folder);
}

namespace peft_adapter {

// GPT-2's causal mask, which old versions of transformers kept as "attn.bias" (1, 1, n, n): PEFT saved it with the
// biases.
PEFT_INLINE bool is_mask(const TensorRef& t) {
  return t.shape.size() != 1 && (t.name.ends_with(".attn.bias") || t.name.ends_with(".attn.masked_bias"));
}

}  // namespace peft_adapter

PEFT_INLINE PeftAdapter load_peft(const std::filesystem::path& folder) {
  const auto config = folder / "adapter_config.json", older = folder / "adapter_model.bin";
  auto weights = folder / "adapter_model.safetensors";
  require(
      std::filesystem::exists(config), folder,
      ": there is no adapter_config.json in it (an adapter with a name of its own is in the subfolder of that name)");
  const MappedFile text(config);
  PeftAdapter a{parse_json(text.text(), config.string()), {}, folder.string()};
  a.kind();
  for (const char* patterns : {"rank_pattern", "alpha_pattern"})
    a.key_order[patterns] = keys_of_member(text.text(), patterns);
  if (!std::filesystem::exists(weights) && std::filesystem::exists(older)) weights = older;
  check_one_save(folder);
  const TensorFile file = open_tensors(weights);
  check_checksum(file);
  check_config(file, a);
  for (const auto& name : file.names()) {
    const TensorRef& t = file.at(name);
    if (peft_adapter::is_mask(t)) continue;
    if (!is_float(t.dtype))
      fail(file.path(), ": the tensor \"", name, "\" is ", peft::name(t.dtype), ", expected F32, F16, BF16 or F64");
    check_finite(t, file.path());
    a.add(name, t.shape, t.values<float>());
  }
  if (const auto saved = file.metadata().find(labels_key); saved != file.metadata().end())
    a.labels = from_label_text(saved->second, cat(file.path(), ": ", labels_key));
  settle_names(a);
  return a;
}

PEFT_INLINE void check_common(const JsonFields& fields) {
  fields.boolean("fan_in_fan_out", false);
  const std::string bias = fields.text("bias", "none");
  if (bias != "none" && bias != "all" && !bias.ends_with("_only"))
    fields.refuse("bias", "\"none\", \"all\" or \"lora_only\"");
}

}  // namespace peft
