// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace peft {

/// One example as text. `b` is the second sentence of a pair, empty for a single sentence; `target` is the index of the
/// class, or the score of a regression task.
struct Example {
  std::string a, b;
  double target = 0;
};

/// One example as the model reads it: token ids and their segments, `types[i]` belonging to `ids[i]`. `slots[i]` says
/// which of the added special tokens it is, in their order (BERT: [CLS] 0, the first [SEP] 1, the second 2), -1 for a
/// token of the text; `slots` is empty where this is unknown.
struct Encoded {
  std::vector<std::int32_t> ids, types;
  double target = 0;
  std::vector<std::int32_t> slots{};
  bool cut = false;  // the text was truncated
};

/// A sentence given as words: `first[w]` is the row of word w's first piece; -1 for a word without pieces, or
/// truncated.
struct EncodedWords : Encoded {
  std::vector<std::int32_t> first;
};

}  // namespace peft
