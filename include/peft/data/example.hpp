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

/// One example as the model reads it: token ids and their segments, `types[i]` belonging to `ids[i]`.
struct Encoded {
  std::vector<std::int32_t> ids, types;
  double target = 0;
};

}  // namespace peft
