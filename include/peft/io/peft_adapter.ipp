// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include <peft/io/atomic_file.hpp>
#include <peft/io/json.hpp>
#include <peft/io/open_tensors.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/safetensors_write.hpp>

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

PEFT_INLINE PeftAdapter new_adapter(const std::string& kind, const std::string& base_model, const std::vector<HostTensor>& head,
                                    const std::string& prefix, const std::string& task_type) {
  const auto text_or_null = [](const std::string& text) { return text.empty() ? nlohmann::json(nullptr) : nlohmann::json(text); };
  PeftAdapter a;
  a.config["peft_type"] = kind;
  a.config["task_type"] = text_or_null(task_type);
  a.config["base_model_name_or_path"] = text_or_null(base_model);
  a.config["inference_mode"] = true;
  std::set<std::string> saved;  // the modules of the head
  for (const auto& t : head) {
    require(t.name.rfind('.') != std::string::npos && t.name.find("lora_") == std::string::npos, "cannot save the head's tensor \"",
            t.name, "\": a name such as classifier.weight was expected");
    saved.insert(t.name.substr(0, t.name.rfind('.')));
    a.add(prefix + t.name, t.shape, t.data);
  }
  a.config["modules_to_save"] = nullptr;
  if (!saved.empty()) a.config["modules_to_save"] = saved;
  return a;
}

PEFT_INLINE void save_peft(const std::filesystem::path& folder, const PeftAdapter& a) {
  std::vector<NamedTensor> tensors;
  for (const auto& t : a.tensors) tensors.push_back(named(t));
  const auto file = folder / "adapter_config.json";
  const std::string config = to_text(a.config, 2, file.string());
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  require(!problem, "cannot make the folder ", folder, ": ", problem.message());
  const auto weights = folder / "adapter_model.safetensors";
  std::map<std::string, std::string> metadata{{"format", "pt"}};
  if (a.labels) metadata[labels_key] = to_label_text(*a.labels, weights.string());
  write_safetensors(weights, tensors, metadata);
  write_file(file, config + "\n");
}

PEFT_INLINE PeftAdapter load_peft(const std::filesystem::path& folder) {
  const auto config = folder / "adapter_config.json", older = folder / "adapter_model.bin";
  auto weights = folder / "adapter_model.safetensors";
  require(std::filesystem::exists(config), folder,
          ": there is no adapter_config.json in it (an adapter with a name of its own is in the subfolder of that name)");
  PeftAdapter a{parse_json_file(config), {}, folder.string()};
  a.kind();
  if (!std::filesystem::exists(weights) && std::filesystem::exists(older)) weights = older;
  const TensorFile file = open_tensors(weights);
  for (const auto& name : file.names()) {
    const TensorRef& t = file.at(name);
    if (!is_float(t.dtype))
      fail(file.path(), ": the tensor \"", name, "\" is ", peft::name(t.dtype), ", expected F32, F16, BF16 or F64");
    a.add(name, t.shape, t.values<float>());
  }
  if (const auto saved = file.metadata().find(labels_key); saved != file.metadata().end())
    a.labels = from_label_text(saved->second, cat(file.path(), ": ", labels_key));
  return a;
}

PEFT_INLINE PeftKept::PeftKept(const JsonFields& fields) : names_(fields.texts("modules_to_save")) {
  const std::string task = fields.text("task_type", "");
  if (task == "SEQ_CLS" || task == "TOKEN_CLS") names_.insert(names_.end(), {"classifier", "score"});
  if (task == "QUESTION_ANS") names_.push_back("qa_outputs");
}

PEFT_INLINE bool PeftKept::has(const std::string& path) const {
  return std::any_of(names_.begin(), names_.end(),
                     [&](const std::string& name) { return !name.empty() && (path + ".").find(name + ".") != std::string::npos; });
}

PEFT_INLINE void check_plain(const JsonFields& fields) {
  if (fields.boolean("fan_in_fan_out", false)) fields.refuse("fan_in_fan_out", "false (weights are stored (out, in))");
  if (fields.text("bias", "none") != "none") fields.refuse("bias", "\"none\" (trained biases are not read)");
}

}  // namespace peft
