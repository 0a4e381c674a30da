// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include <peft/nn/norm.hpp>
#include <peft/ops/disentangled_bias.hpp>
#include <peft/ops/embed.hpp>
#include <peft/ops/select.hpp>
#include <peft/pass.hpp>

namespace peft {

/// The embedded distances that a disentangled attention meets: rows of one table, which every layer reads (DeBERTa). P:
/// the Pass of one worker.
template <class P>
class DistanceTable {
 public:
  using T = typename P::T;
  using V = typename P::V;
  using C = typename P::C;

  /// Rows of the table that sequences of up to `longest` tokens meet; none where distances are not embedded.
  std::vector<int> met(P& p, Extent longest) {
    std::vector<int> met;
    if constexpr (P::spec.position == nn::Position::disentangled) {
      const nn::Shape& shape = p.backbone.shape();
      const int span = rows(p.backbone.template weights<Site::relative_table>(-1).w) / 2;
      const int reach = std::min(ops::deberta_bucket(longest - 1, shape.buckets, shape.reach), span);
      p.seen.relative.reach = reach;
      for (int r = -reach; r <= reach; ++r) met.push_back(std::clamp(r + span, 0, 2 * span - 1));
    }
    return met;
  }

  /// Reads them, normalised where the checkpoint has a norm for them. `crossing`: their gradient is wanted.
  void start(P& p, const Packed& batch, bool crossing) {
    const auto call = p.at(-1, batch);
    const nn::Shape& shape = p.backbone.shape();
    V rows = call.keep(batch.distances, shape.width, "distances");
    ops::gather_rows(p.w, rows, call.template weights<Site::relative_table>().w, batch.distance);
    if (normalised(p)) norm_ = nn::norm<Site::relative_norm>(call, C(rows), C(), {}, shape.epsilon, rows, crossing);
    p.seen.relative.rows = rows;
    p.seen.relative.gradient = crossing ? call.keep(batch.distances, shape.width, "distances") : V();
    if (crossing) ops::fill(p.w, p.seen.relative.gradient, T(0));
  }
  void backward(P& p, const Packed& batch) {
    if (normalised(p)) nn::norm_backward<Site::relative_norm>(p.at(-1, batch), norm_, p.seen.relative.gradient);
  }
  void add_table(P& p, typename P::Tensors& tables, const Packed& batch) {
    const auto g = p.at(-1, batch).template weight_gradient<Site::relative_table>(tables);
    if (!empty(g.w)) ops::embed_backward(p.w, C(p.seen.relative.gradient), batch.distance, g.w);
  }

 private:
  static bool normalised(P& p) { return p.backbone.has(Site::relative_norm, -1); }

  nn::NormKept<V> norm_;
};

}  // namespace peft
