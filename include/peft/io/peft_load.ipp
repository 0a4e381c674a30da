// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <iterator>
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
  bool embedding = false;
};

// The fields of a LoRA module, and where a pair keeps each.
struct FieldName {
  std::string_view end;
  const HostTensor* Pair::*place;
  bool embedding;
};
constexpr FieldName fields[] = {{".lora_A.weight", &Pair::A, false},
                                {".lora_B.weight", &Pair::B, false},
                                {".lora_embedding_A", &Pair::A, true},
                                {".lora_embedding_B", &Pair::B, true},
                                {".lora_magnitude_vector", &Pair::magnitude, false}};

PEFT_INLINE LoraModule module_of(const std::string& path, const Pair& pair, const PeftLoraConfig& config) {
  const auto refuse = [&](const auto&... what) { fail(config.where(), ": the LoRA module ", path, " ", what...); };
  const std::string_view a_name = fields[pair.embedding ? 2 : 0].end.substr(1),
                         b_name = fields[pair.embedding ? 3 : 1].end.substr(1);
  if (pair.A == nullptr || pair.B == nullptr)
    refuse("has no ", pair.A == nullptr ? a_name : b_name, " beside its ", pair.A == nullptr ? b_name : a_name);
  if (const std::string objection = config.objection(path); !objection.empty())
    refuse("has tensors but ", objection, ": PEFT would leave them out");
  const auto &a = pair.A->shape, &b = pair.B->shape;
  constexpr std::int64_t most = 1 << 30;
  const bool matrices = a.size() == 2 && b.size() == 2;
  const int found = matrices && a[0] > 0 && a[0] < most ? static_cast<int>(a[0]) : 0,
            rank = config.rank_of(path, found);
  const bool fits = matrices && a[0] == rank && b[1] == rank;
  if (!fits || a[1] < 1 || b[0] < 1 || a[1] > most || b[0] > most)
    refuse("has lora_A ", shape_text(a), " and lora_B ", shape_text(b), ", expected (", rank, ", in) and (out, ", rank,
           ") from the rank in the config");
  if ((pair.magnitude != nullptr) != config.magnitudes)
    refuse(config.magnitudes ? "has no lora_magnitude_vector, as DoRA's have"
                             : "has a lora_magnitude_vector but use_dora is false: is it DoRA?");
  if (config.magnitudes && pair.magnitude->shape != std::vector<std::int64_t>{b[0]})
    refuse("has a lora_magnitude_vector ", shape_text(pair.magnitude->shape), ", expected (", b[0], ")");
  return {path,
          rank,
          static_cast<int>(a[1]),
          static_cast<int>(b[0]),
          config.alpha_of(path, rank),
          pair.A->data,
          pair.B->data,
          config.magnitudes ? pair.magnitude->data : std::vector<float>{},
          pair.embedding};
}

}  // namespace peft_load

PEFT_INLINE PeftLora lora_of(const PeftAdapter& adapter) {
  const PeftLoraConfig config(adapter);
  PeftLora result;
  result.base_model = config.base_model;
  result.task_type = config.task_type;
  result.dropout = config.dropout;
  result.root_scale = config.root_scale;
  result.labels = adapter.labels;
  std::map<std::string, peft_load::Pair> pairs;
  for (const HostTensor& tensor : adapter.tensors) {
    constexpr std::string_view start = "base_model.model.";
    const auto refuse = [&](std::string_view what) {
      fail(adapter.source, ": the tensor \"", tensor.name, "\" ", what);
    };
    if (!tensor.name.starts_with(start)) refuse("does not start with \"base_model.model.\", as a LoRA adapter's do");
    const std::string path = tensor.name.substr(start.size());
    const auto field = std::find_if(std::begin(peft_load::fields), std::end(peft_load::fields),
                                    [&](const auto& f) { return path.ends_with(f.end); });
    if (field != std::end(peft_load::fields)) {
      peft_load::Pair& pair = pairs[path.substr(0, path.size() - field->end.size())];
      if (pair.*field->place != nullptr) refuse("is the second of its kind: the module is a table or a matrix");
      pair.*field->place = &tensor;
      pair.embedding = pair.embedding || field->embedding;
    } else if (path.find(".lora_") != std::string::npos) {
      refuse("belongs to a form of LoRA that is not read");
    } else {
      result.head.push_back({path, tensor.shape, tensor.data});
    }
  }
  for (const auto& [path, pair] : pairs) {
    LoraModule m = peft_load::module_of(path, pair, config);
    (pair.embedding || path == word_head ? result.merged : result.modules).push_back(std::move(m));
  }
  require(!result.modules.empty() || !result.merged.empty(), adapter.source, ": there is no LoRA module in it");
  return result;
}

PEFT_INLINE PeftLora load_peft_lora(const std::filesystem::path& folder) { return lora_of(load_peft(folder)); }

}  // namespace peft
