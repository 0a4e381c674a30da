// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <vector>

#include <peft/core/inline.hpp>

namespace peft {

/// The tokens that steer generation; -1: none.
struct GenerationIds {
  std::vector<int> eos;  // each of them ends a text
  int pad = -1, bos = -1;
  int decoder_start = -1;  // what an encoder-decoder's output begins with
};

/// Reads them from the generation_config.json of a model folder where it has one; a key that it lacks is taken from
/// config.json, and what both lack is the default of the family; null means none. A decoder without a start begins with
/// `pad`. Throws Error naming file and key for a value of the wrong type or outside the vocabulary.
GenerationIds read_generation_ids(const std::filesystem::path& folder);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/config/generation.ipp>
#endif
