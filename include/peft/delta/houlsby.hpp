// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/adapter.hpp>
#include <peft/delta/full.hpp>

namespace peft {

/// The method of Houlsby et al. (2019, figure 2): adapters after attention and after the feed-forward, and the LayerNorms of the
/// blocks trained in place. Trains 2 (2 w d + w + d) + 4 d per layer.
template <int w>
using Houlsby = Method<Delta<Adapter<w>, At<Attention, Ffn>>, Delta<Full, At<AttnNorm, FfnNorm>>>;

/// As the released code: adapters begin ten times smaller, and the embeddings' LayerNorm is trained as well (2 d more).
template <int w>
struct ReleasedHoulsby : Method<Delta<Adapter<w>, At<Attention, Ffn>>, Delta<Full, At<Norm>>> {
  ReleasedHoulsby() { std::get<0>(this->deltas).delta.start.deviation = 1e-3; }
};

}  // namespace peft
