// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/pair_dataset.hpp>
#include <peft/data/read_e2e.hpp>
#include <peft/data/read_pairs.hpp>
#include <peft/data/row.hpp>
#include <peft/data/split_files.hpp>
#include <string_view>

namespace peft {

PEFT_INLINE PairDataset read_e2e(const std::filesystem::path& folder, std::string_view split) {
  const char* file = split == "train"  ? "trainset.csv"
                     : split == "dev"  ? "devset.csv"
                     : split == "test" ? "testset_w_refs.csv"
                                       : nullptr;
  require(file != nullptr, "e2e has no split ", quoted(split), "; it has \"train\", \"dev\", \"test\"");
  return read_pairs_file(find_split(folder, "e2e", {file}, cat("the ", split, " split of E2E")), split, {"mr", "ref"});
}

}  // namespace peft
