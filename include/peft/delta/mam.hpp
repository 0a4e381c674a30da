// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/adapter.hpp>
#include <peft/delta/prefix.hpp>

namespace peft {

/// MAM adapter (He et al., 2022, section 4.6): a short prefix at attention, a wide scaled parallel adapter at the
/// feed-forward. n = 30, m = 800; w = 512, s = 4. Trains what both do.
template <int w = 512>
struct MAM : Method<Delta<Prefix>, Delta<ParallelAdapter<w>, At<Ffn>>> {
  MAM() {
    std::get<0>(this->deltas).delta.length = 30;
    std::get<0>(this->deltas).delta.inner = 800;
  }
};

}  // namespace peft
