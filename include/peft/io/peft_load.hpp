// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/io/peft_config.hpp>
#include <peft/io/peft_lora.hpp>
#include <peft/io/safetensors.hpp>

namespace peft {

namespace peft_load {

struct Pair {
  const TensorRef *A = nullptr, *B = nullptr;
};

inline LoraModule module_of(const std::string& path, const Pair& pair, const PeftLoraConfig& config) {
  const auto refuse = [&](const auto&... what) { fail(config.where(), ": the LoRA module ", path, " ", what...); };
  if (pair.A == nullptr || pair.B == nullptr)
    refuse("has no ", pair.A == nullptr ? "lora_A.weight" : "lora_B.weight", " beside its ",
           pair.A == nullptr ? "lora_B.weight" : "lora_A.weight");
  if (!config.is_target(path)) refuse("has tensors but is not among target_modules");
  const auto &a = pair.A->shape, &b = pair.B->shape;
  constexpr std::int64_t most = 1 << 30;
  const std::int64_t rank = config.rank_of(path);
  const bool fits = a.size() == 2 && b.size() == 2 && a[0] == rank && b[1] == rank;
  if (!fits || a[1] < 1 || b[0] < 1 || a[1] > most || b[0] > most)
    refuse("has lora_A ", shape_text(a), " and lora_B ", shape_text(b), ", expected (", rank, ", in) and (out, ", rank,
           ") from the rank in the config");
  return {path,
          static_cast<int>(rank),
          static_cast<int>(a[1]),
          static_cast<int>(b[0]),
          config.alpha_of(path),
          pair.A->values<float>(),
          pair.B->values<float>()};
}

inline SafeTensors open_weights(const std::filesystem::path& folder) {
  const auto file = folder / "adapter_model.safetensors";
  if (!std::filesystem::exists(file) && std::filesystem::exists(folder / "adapter_model.bin"))
    fail(folder,
         " holds adapter_model.bin but no adapter_model.safetensors; PyTorch's pickled files are not read because they "
         "can run code. Convert it once, where PyTorch is installed: python3 -c \"import torch; from "
         "safetensors.torch import save_file; save_file({k: v.clone().contiguous() for k, v in "
         "torch.load('adapter_model.bin', weights_only=True).items()}, 'adapter_model.safetensors', "
         "{'format': 'pt'})\"");
  return SafeTensors::open(file);
}

}  // namespace peft_load

/// Reads a LoRA adapter that PEFT (or save_peft_lora) wrote: modules in the order of their paths, the tensors of
/// modules saved whole in `head`; F16, BF16 and F64 become float. Which layers carry a module is what the tensors say
/// (layers_to_transform is not consulted). Throws Error for other adapters than plain LoRA, a tensor without its
/// partner, a shape that is not the config's, and a tensor that the config does not account for.
inline PeftLora load_peft_lora(const std::filesystem::path& folder) {
  const auto config_file = folder / "adapter_config.json";
  require(
      std::filesystem::exists(config_file), folder,
      ": there is no adapter_config.json in it (an adapter with a name of its own is in the subfolder of that name)");
  const auto document = parse_json_file(config_file);
  const PeftLoraConfig config(document, config_file.string());
  const SafeTensors file = peft_load::open_weights(folder);

  PeftLora result;
  result.base_model = config.base_model;
  result.task_type = config.task_type;
  result.dropout = config.dropout;
  std::map<std::string, peft_load::Pair> pairs;
  for (const auto& name : file.names()) {
    const TensorRef& tensor = file.at(name);
    const auto refuse = [&](std::string_view what) { fail(file.path(), ": the tensor \"", name, "\" ", what); };
    constexpr std::string_view start = "base_model.model.", a = ".lora_A.weight", b = ".lora_B.weight";
    if (!name.starts_with(start)) refuse("does not start with \"base_model.model.\", as a LoRA adapter's do");
    if (!is_float(tensor.dtype)) refuse(cat("is ", peft::name(tensor.dtype), ", expected F32, F16, BF16 or F64"));
    const std::string path = name.substr(start.size());
    if (path.ends_with(a)) {
      pairs[path.substr(0, path.size() - a.size())].A = &tensor;
    } else if (path.ends_with(b)) {
      pairs[path.substr(0, path.size() - b.size())].B = &tensor;
    } else if (path.find(".lora_") != std::string::npos) {
      refuse("belongs to a form of LoRA that is not read (embeddings, DoRA, biases)");
    } else if (const auto dot = path.rfind('.'); dot != std::string::npos && config.is_kept(path.substr(0, dot))) {
      result.head.push_back({path, tensor.shape, tensor.values<float>()});
    } else {
      refuse("is surplus: neither part of a LoRA module nor of one named in modules_to_save");
    }
  }
  for (const auto& [path, pair] : pairs) result.modules.push_back(peft_load::module_of(path, pair, config));
  require(!result.modules.empty(), file.path(), ": there is no LoRA module in it");
  return result;
}

}  // namespace peft
