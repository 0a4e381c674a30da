// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <string_view>

#include "words.hpp"

/// A family of backbones, as far as it is known without a model compiled. The build reads these rows, a line each.
struct FamilyInfo {
  std::string_view name;
  std::string_view type;  // of the library, peft::TYPE<float>, in the header of that name in small letters
  Words model_types;      // what config.json calls its members
  bool writes = false;    // it gives words: tasks are text to text
  bool exports = false;   // --export can merge a run into a plain checkpoint
};

inline constexpr std::array<FamilyInfo, 7> families{{
    {.name = "bert", .type = "Bert", .model_types = {"bert"}, .exports = true},
    {.name = "distilbert", .type = "Distilbert", .model_types = {"distilbert"}, .exports = true},
    {.name = "roberta", .type = "Roberta", .model_types = {"roberta xlm-roberta camembert"}, .exports = true},
    {.name = "deberta-v2", .type = "Deberta", .model_types = {"deberta-v2"}, .exports = true},
    {.name = "t5", .type = "T5", .model_types = {"t5 mt5"}, .writes = true},
    {.name = "gpt2", .type = "Gpt2", .model_types = {"gpt2"}, .writes = true},
    {.name = "llama", .type = "Llama", .model_types = {"llama mistral qwen2"}, .writes = true},
}};

/// The family of a model_type; null for one of none.
constexpr const FamilyInfo* family_of(std::string_view model_type) {
  for (const FamilyInfo& f : families)
    if (f.model_types.contains(model_type)) return &f;
  return nullptr;
}
