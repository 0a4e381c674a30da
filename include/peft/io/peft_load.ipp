// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_config.hpp>
#include <peft/io/peft_load.hpp>

namespace peft {

namespace peft_load {

struct Pair {
  const HostTensor *A = nullptr, *B = nullptr, *magnitude = nullptr;
};

PEFT_INLINE LoraModule module_of(const std::string& path, const Pair& pair, const PeftLoraConfig& config) {
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
  if ((pair.magnitude != nullptr) != config.magnitudes)
    refuse(config.magnitudes ? "has no lora_magnitude_vector, as DoRA's have" : "has a lora_magnitude_vector but use_dora is false: is it DoRA?");
  if (config.magnitudes && pair.magnitude->shape != std::vector<std::int64_t>{b[0]})
    refuse("has a lora_magnitude_vector ", shape_text(pair.magnitude->shape), ", expected (", b[0], ")");
  return {path,
          static_cast<int>(rank),
          static_cast<int>(a[1]),
          static_cast<int>(b[0]),
          config.alpha_of(path),
          pair.A->data,
          pair.B->data,
          config.magnitudes ? pair.magnitude->data : std::vector<float>{}};
}

}  // namespace peft_load

PEFT_INLINE PeftLora lora_of(const PeftAdapter& adapter) {
  const PeftLoraConfig config(adapter.config, adapter.fields().where());
  const PeftKept kept(adapter.fields());
  PeftLora result;
  result.base_model = config.base_model;
  result.task_type = config.task_type;
  result.dropout = config.dropout;
  result.root_scale = config.root_scale;
  result.labels = adapter.labels;
  std::map<std::string, peft_load::Pair> pairs;
  for (const HostTensor& tensor : adapter.tensors) {
    const auto refuse = [&](std::string_view what) { fail(adapter.source, ": the tensor \"", tensor.name, "\" ", what); };
    constexpr std::string_view start = "base_model.model.", a = ".lora_A.weight", b = ".lora_B.weight", m = ".lora_magnitude_vector";
    if (!tensor.name.starts_with(start)) refuse("does not start with \"base_model.model.\", as a LoRA adapter's do");
    const std::string path = tensor.name.substr(start.size());
    if (path.ends_with(a)) {
      pairs[path.substr(0, path.size() - a.size())].A = &tensor;
    } else if (path.ends_with(b)) {
      pairs[path.substr(0, path.size() - b.size())].B = &tensor;
    } else if (path.ends_with(m)) {
      pairs[path.substr(0, path.size() - m.size())].magnitude = &tensor;
    } else if (path.find(".lora_") != std::string::npos) {
      refuse("belongs to a form of LoRA that is not read (embeddings, biases)");
    } else if (const auto dot = path.rfind('.'); dot != std::string::npos && kept.has(path.substr(0, dot))) {
      result.head.push_back({path, tensor.shape, tensor.data});
    } else {
      refuse("is surplus: neither part of a LoRA module nor of one named in modules_to_save");
    }
  }
  for (const auto& [path, pair] : pairs) result.modules.push_back(peft_load::module_of(path, pair, config));
  require(!result.modules.empty(), adapter.source, ": there is no LoRA module in it");
  return result;
}

PEFT_INLINE PeftLora load_peft_lora(const std::filesystem::path& folder) { return lora_of(load_peft(folder)); }

}  // namespace peft
