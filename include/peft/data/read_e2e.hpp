// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/data/pair_dataset.hpp>
#include <string_view>

namespace peft {

/// Reads a split ("train", "dev", "test") of the E2E challenge (Novikova et al. 2017) from its official files
/// trainset.csv, devset.csv and testset_w_refs.csv: a meaning representation ("name[Alimentum], area[city centre]") and
/// a sentence per row. To train, take the rows as they are; to evaluate, `group_by_source`. Throws Error naming file,
/// line and column for whatever is malformed.
PairDataset read_e2e(const std::filesystem::path& folder, std::string_view split);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/read_e2e.ipp>
#endif
