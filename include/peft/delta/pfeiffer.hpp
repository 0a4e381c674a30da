// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/adapter.hpp>

namespace peft {

/// The adapter of Pfeiffer et al. (2021): only after the feed-forward, relu, N(0, 0.02^2); a reduction of 16. Trains 2
/// w d + w + d per layer. Here it acts on the output of the feed-forward; on `At<Layer>` it comes after add & norm
/// instead, as He et al. (2022, section 2.2) draw it. AdapterHub's reads the normed sum and normalises once more after
/// it: delta/seq_bn.hpp.
template <int w>
using PfeifferAdapter = Adapter<w, ops::Relu, BertNormal>;
template <int w>
using Pfeiffer = Method<Delta<PfeifferAdapter<w>, At<Ffn>>>;

}  // namespace peft
