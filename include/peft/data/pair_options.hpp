// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace peft {

/// How text pairs become the sequences of a causal model: `start`, then the tokens of before_source + source +
/// after_source (the prompt), then those of before_target + target, then `eos`. Prompt and target are tokenized each by
/// itself, so that the prompt is what generation begins with.
struct CausalOptions {
  std::string before_source{}, after_source{}, before_target{};
  std::vector<std::int32_t> start{};  // ids, perhaps that of the tokenizer's <s>
  std::int32_t eos = -1;  // learned as the end of the target; -1: none
  int max_length = 256;  // tokens of a sequence in all; a prompt loses its beginning first, then a target its end
  int max_prompt = 0;  // tokens of a prompt, `start` among them; 0: as max_length allows
  int model_max_length = 1024;  // of the backbone
  std::int64_t vocabulary = 0;  // rows of the backbone's word table, which ids are checked against; 0: they are not
  std::int64_t limit = 0;  // only the first so many pairs of a seeded shuffle; 0: all, in their order
  std::uint64_t seed = 0;
};

/// How text pairs become those of an encoder-decoder: the source with the tokenizer's own special tokens; `start` and
/// the target's tokens for the decoder to read, those tokens and `eos` for it to write.
struct SequenceToSequenceOptions {
  std::int32_t start = 0;  // decoder_start_token_id
  std::int32_t eos = 1;  // -1: none
  std::string before_source{};  // "summarize: "
  int max_source = 256;  // tokens, special ones included; the end is lost
  int max_target = 128;  // tokens, eos included; a longer target loses its end
  int model_max_length = 512;  // of the backbone, for either side
  std::int64_t vocabulary = 0;  // as above
  std::int64_t limit = 0;
  std::uint64_t seed = 0;
};

}  // namespace peft
