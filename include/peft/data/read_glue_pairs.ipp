// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/core/inline.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/glue_text.hpp>
#include <peft/data/pair_dataset.hpp>
#include <peft/data/read_glue.hpp>
#include <peft/data/read_glue_pairs.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace peft {

PEFT_INLINE PairDataset read_glue_prompts(const GlueText& text, const std::filesystem::path& file) {
  Dataset read = read_glue_file(text.task, file, Labels::Ignored);
  PairDataset out{read.source, {}, {}, false, {}, std::move(read.notes)};
  for (const Example& example : read.examples) out.pairs.push_back({text.source(example), {}, {}});
  return out;
}

PEFT_INLINE PairDataset read_glue_pairs(const GlueText& text, const std::filesystem::path& folder,
                                        std::string_view split, Labels labels) {
  const Dataset read = read_glue(text.task, folder, split, labels);
  PairDataset out{read.source, std::string(split), {}, read.labelled, {}};
  for (const Example& example : read.examples) {
    out.pairs.push_back({text.source(example), read.labelled ? text.target(example.target) : std::string(), {}});
    if (read.labelled) out.labels.push_back(example.target);
  }
  return out;
}

}  // namespace peft
