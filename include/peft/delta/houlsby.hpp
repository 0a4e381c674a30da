// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/adapter.hpp>
#include <peft/delta/full.hpp>

namespace peft {

/// The method of Houlsby et al. (2019, figure 2): adapters after attention, of a decoder also to its encoder, and after
/// the feed-forward, and the norms of the blocks trained in place. Trains 2 (2 w d + w + d) + 4 d per layer; an RMSNorm
/// has d, not 2 d.
template <int w>
using Houlsby = Method<Delta<Adapter<w>>, Delta<Full, At<AttnNorm | CrossNorm, FfnNorm>>>;

/// As the released code: adapters begin ten times smaller, and the norms outside the blocks are trained as well (BERT's
/// embeddings': 2 d more).
template <int w>
struct ReleasedHoulsby : Method<Delta<Adapter<w>>, Delta<Full, At<Norm>>> {
  ReleasedHoulsby() { std::get<0>(this->deltas).delta.start.deviation = 1e-3; }
};

}  // namespace peft
