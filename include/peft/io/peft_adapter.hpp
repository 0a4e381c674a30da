// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/atomic_file.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/io/near_names.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_write.hpp>

/// Adapters of any kind in the files of Hugging Face PEFT: `adapter_config.json` and `adapter_model.safetensors`.
///
/// A method gets there by a specialisation of `PeftFormat` in a short io/peft_NAME.hpp, whose members map the tensors of a
/// model to PEFT's names and back (io/peft_vera.hpp is an example):
///
///     template <>
///     struct PeftFormat<MyDelta> {
///       static constexpr const char* kind = "PROMPT_TUNING";            // peft_type
///       static constexpr const char* prefix = "base_model.";            // optional: before the head's names
///       static constexpr bool lossy = true;                             // optional: our own file is needed beside PEFT's
///       static void describe(const auto& shape, PeftAdapter& to);       // optional: what the config says of the backbone
///       /// Settings into to.config, tensors by to.add(name, shape, values). `own` has every tensor of the model, derived
///       /// ones included, by the model's names; `modules` have path, in and out. Head and common keys are there already.
///       static void write(const auto& delta, const auto& modules, const TensorsByName& own, PeftAdapter& to);
///       /// Before the model is made: the delta's settings and `part.only`, the modules that it sits on.
///       static void configure(const PeftAdapter& from, auto& part);
///       /// The delta's tensors under the model's names; what is not taken from `left` must belong to the head.
///       static std::vector<HostTensor> read(const auto& delta, const auto& modules, PeftTensors& left);
///     };
///
/// `to_adapter`, `configure_from` and `from_adapter` (model/peft_files.hpp) do the rest, for `save` and for the program's --out
/// and --load.
namespace peft {

using TensorsByName = std::map<std::string, HostTensor>;

/// How a delta is kept in PEFT's files; a delta without a specialisation is not.
template <class D>
struct PeftFormat;
/// Names several deltas that are one method there. In place of a delta and its modules `write` and `read` are then given tuples of
/// the method's parts and lists of modules, and `configure` the method.
template <class... D>
struct Together {};
template <class D>
concept InPeft = requires { PeftFormat<D>::kind; };

/// An adapter: its config and its tensors, under PEFT's full names.
struct PeftAdapter {
  nlohmann::json config = nlohmann::json::object();
  std::vector<HostTensor> tensors;
  std::string source = "the adapter";  // the folder, for errors

  /// "LORA", "IA3", ...
  std::string kind() const { return fields().text("peft_type"); }
  /// Typed reading of the config.
  JsonFields fields() const { return {config, source + "/adapter_config.json"}; }
  void add(std::string name, std::vector<std::int64_t> shape, std::vector<float> data) {
    tensors.push_back({std::move(name), std::move(shape), std::move(data)});
  }
};

/// Python readers expect 16, not 16.0, where a number is whole.
inline nlohmann::json plain_number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return static_cast<std::int64_t>(value);
  return value;
}

/// The same, of a number that went through a division and back: rounding beyond 12 digits is taken off.
inline nlohmann::json rounded_number(double value) {
  const double near = std::round(value * 1e6) / 1e6;
  return plain_number(std::abs(value - near) <= 1e-12 * std::abs(value) ? near : value);
}

/// A config with the keys that every kind has, and the head. The smallest set: older versions of PEFT refuse keys that
/// they do not know. Empty texts become null; no head, no modules_to_save.
inline PeftAdapter new_adapter(const std::string& kind, const std::string& base_model, const std::vector<HostTensor>& head,
                               const std::string& prefix = "base_model.model.", const std::string& task_type = "SEQ_CLS") {
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

/// Writes both files into `folder` (made when missing), each atomically, the config last. Throws Error for data that does
/// not fit its shape, names used twice, and when writing fails.
inline void save_peft(const std::filesystem::path& folder, const PeftAdapter& a) {
  std::vector<NamedTensor> tensors;
  for (const auto& t : a.tensors) tensors.push_back(named(t));
  const auto file = folder / "adapter_config.json";
  const std::string config = to_text(a.config, 2, file.string());
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  require(!problem, "cannot make the folder ", folder, ": ", problem.message());
  write_safetensors(folder / "adapter_model.safetensors", tensors);
  write_file(file, config + "\n");
}

/// Reads both files; F16, BF16 and F64 become float. Throws Error for files that are missing, damaged or of other dtypes.
inline PeftAdapter load_peft(const std::filesystem::path& folder) {
  const auto config = folder / "adapter_config.json", weights = folder / "adapter_model.safetensors";
  require(std::filesystem::exists(config), folder,
          ": there is no adapter_config.json in it (an adapter with a name of its own is in the subfolder of that name)");
  PeftAdapter a{parse_json_file(config), {}, folder.string()};
  a.kind();
  if (!std::filesystem::exists(weights) && std::filesystem::exists(folder / "adapter_model.bin"))
    fail(folder,
         " holds adapter_model.bin but no adapter_model.safetensors; PyTorch's pickled files are not read because they "
         "can run code. Convert it once, where PyTorch is installed: python3 -c \"import torch; from "
         "safetensors.torch import save_file; save_file({k: v.clone().contiguous() for k, v in "
         "torch.load('adapter_model.bin', weights_only=True).items()}, 'adapter_model.safetensors', "
         "{'format': 'pt'})\"");
  const SafeTensors file = SafeTensors::open(weights);
  for (const auto& name : file.names()) {
    const TensorRef& t = file.at(name);
    if (!is_float(t.dtype))
      fail(file.path(), ": the tensor \"", name, "\" is ", peft::name(t.dtype), ", expected F32, F16, BF16 or F64");
    a.add(name, t.shape, t.values<float>());
  }
  return a;
}

/// Takes the tensors of an adapter one after the other, so that in the end none is left over.
class PeftTensors {
 public:
  /// `prefix` is what stands before the names of the head, and of modules.
  explicit PeftTensors(const PeftAdapter& a, std::string prefix = "base_model.model.") : adapter_(a), prefix_(std::move(prefix)) {
    for (const auto& t : a.tensors) left_.emplace(t.name, &t);
  }

  /// The paths of all modules that have a tensor called `field` (left), sorted.
  std::vector<std::string> modules_with(const std::string& field) const {
    std::vector<std::string> paths;
    const std::string end = "." + field;
    for (const auto& [name, t] : left_)
      if (name.starts_with(prefix_) && name.ends_with(end) && name.size() > prefix_.size() + end.size())
        paths.push_back(name.substr(prefix_.size(), name.size() - prefix_.size() - end.size()));
    return paths;
  }
  bool has(const std::string& name) const { return left_.contains(name); }
  const std::vector<std::int64_t>& shape_of(const std::string& name) const { return left_.at(name)->shape; }
  /// Passes over a tensor without elements.
  void drop_empty(const std::string& name) {
    if (has(name) && left_.at(name)->data.empty()) left_.erase(name);
  }
  std::string at(const std::string& path, const std::string& field) const { return prefix_ + path + "." + field; }

  /// The tensor `name` as `ours`. Its shape must be `shape`; it comes back with `shaped`, when that is given, of as many elements.
  HostTensor take(const std::string& name, std::string ours, const std::vector<std::int64_t>& shape,
                  std::vector<std::int64_t> shaped = {}) {
    const auto found = left_.find(name);
    if (found == left_.end()) {
      std::vector<std::string> names;
      for (const auto& [other, t] : left_) names.push_back(other);
      fail(adapter_.source, ": the tensor \"", name, "\" is missing", near_names(name, names));
    }
    const HostTensor& t = *found->second;
    if (t.shape != shape) fail(adapter_.source, ": ", name, " has shape ", shape_text(t.shape), ", expected ", shape_text(shape));
    left_.erase(found);
    return {std::move(ours), shaped.empty() ? t.shape : std::move(shaped), t.data};
  }

  /// Everything left, which must be of modules saved whole (the head), under the model's names.
  std::vector<HostTensor> take_head();

 private:
  const PeftAdapter& adapter_;
  std::string prefix_;
  std::map<std::string, const HostTensor*> left_;
};

/// The modules that an adapter saves whole: modules_to_save and what PEFT adds for a task. As in PEFT a name means every module
/// whose own ends in it, with what is inside: "classifier" means pre_classifier as well.
class PeftKept {
 public:
  explicit PeftKept(const JsonFields& fields) : names_(fields.texts("modules_to_save")) {
    const std::string task = fields.text("task_type", "");
    if (task == "SEQ_CLS" || task == "TOKEN_CLS") names_.insert(names_.end(), {"classifier", "score"});
    if (task == "QUESTION_ANS") names_.push_back("qa_outputs");
  }
  bool has(const std::string& path) const {
    return std::any_of(names_.begin(), names_.end(),
                       [&](const std::string& name) { return !name.empty() && (path + ".").find(name + ".") != std::string::npos; });
  }

 private:
  std::vector<std::string> names_;
};

inline std::vector<HostTensor> PeftTensors::take_head() {
  const PeftKept kept(adapter_.fields());
  std::vector<HostTensor> head;
  for (const auto& [name, t] : left_) {
    const auto dot = name.rfind('.');
    if (!name.starts_with(prefix_) || dot == name.npos || dot < prefix_.size() || !kept.has(name.substr(prefix_.size(), dot - prefix_.size())))
      fail(adapter_.source, ": the tensor \"", name, "\" is surplus: neither part of the ", adapter_.kind(),
           " adapter nor of a module named in modules_to_save");
    head.push_back({name.substr(prefix_.size()), t->shape, t->data});
  }
  left_.clear();
  return head;
}

/// Refuses what changes the meaning of an adapter and is not read: trained biases and weights stored the other way.
inline void check_plain(const JsonFields& fields) {
  if (fields.boolean("fan_in_fan_out", false)) fields.refuse("fan_in_fan_out", "false (weights are stored (out, in))");
  if (fields.text("bias", "none") != "none") fields.refuse("bias", "\"none\" (trained biases are not read)");
}

}  // namespace peft
