// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include <peft/model/group.hpp>
#include <peft/model/model.hpp>
#include <peft/nn/feed_forward.hpp>
#include <peft/ops/loss.hpp>
#include <peft/ops/select.hpp>
#include <peft/pass.hpp>

namespace peft {

/// From the last layer's output to a task's logits, and back: the first token of each sequence through a pooler or a
/// dense layer, the mean of its tokens, or every token; dropout; a linear layer.
template <class M>
class ClassifierHead {
 public:
  using Backbone = typename M::Backbone;
  using Task = typename M::Task;
  using Adapter = typename M::Adapter;
  using T = typename M::T;
  using E = typename M::E;
  using V = Mat<T, E>;
  using C = Mat<const T, E>;
  using P = typename Pass<Backbone, typename M::Method>::Call;

  /// The head's gradients are added to a buffer of `length` numbers laid out as the adapter's.
  ClassifierHead(const Adapter& adapter, T* buffer, std::int64_t length)
      : adapter_(adapter), gradient_(adapter.bind_head(buffer, length)), dense_(!adapter.head_place().dense.empty()) {}

  /// The vectors that the task reads of the last layer's output, and their logits (n, labels). `crossing`: backward
  /// comes.
  V forward(const P& of_tokens, V last, bool crossing) {
    const P p = of_rows_read(of_tokens);
    const Backbone& backbone = p.backbone();
    const Packed& b = *p.batch;
    const Extent d = backbone.width(), n = rows_read(b);
    pooled_ = each_row() ? last : p.w.template keep<T>(n, d, "head");
    if constexpr (Task::reads == Reads::first) {
      pooler_slope_ = crossing ? p.w.template keep<T>(n, d, "head") : V();
      // The last layer's rows live in a buffer of two that take turns; nothing writes there before backward begins.
      C read = last;
      const Dropout mask = p.dropout(backbone.pooler_dropout(), std::uint64_t(nn::DropoutAt::pooler));
      if (mask.active()) {
        V dropped = p.w.template keep<T>(n, d, "head");
        ops::dropout(p.w, dropped, C(last), mask);
        read = dropped;
      }
      if (dense_) {
        pooler_x_ = read;
        ops::broadcast_row(p.w, pooled_, C(adapter_.head().dense_b));
        ops::gemm(p.w, pooled_, read, t(adapter_.head().dense_w), 1, 1);
      } else if constexpr (Backbone::sites.contains(Site::pooler)) {
        nn::linear<Site::pooler>(p, read, pooled_, pooler_x_);
      }
      nn::activate(p, backbone.pooler_activation(), pooled_, pooler_slope_);
    } else if (!each_row()) {
      ops::segment_mean(p.w, pooled_, C(last), b.offsets);
    }
    const Dropout mask = p.dropout(backbone.classifier_dropout(), std::uint64_t(nn::DropoutAt::classifier));
    if (mask.active()) ops::dropout(p.w, pooled_, C(pooled_), mask);
    V logits = p.w.template keep<T>(n, adapter_.task().labels, "head");
    ops::broadcast_row(p.w, logits, C(adapter_.head().b));
    ops::gemm(p.w, logits, pooled_, t(adapter_.head().w), 1, 1);
    return logits;
  }

  /// The group's loss, the gradients of the head, and dlast, that of the last layer's output, where anything below
  /// wants it.
  double backward(const P& of_tokens, const GroupStep& g, V logits, V dlast, bool into_layers) {
    const P p = of_rows_read(of_tokens);
    const Backbone& backbone = p.backbone();
    const Packed& b = *p.batch;
    const Extent n = rows_read(b), d = backbone.width(), known = n / adapter_.task().together();
    V dlogits = p.w.template keep<T>(n, cols(logits), "head"), losses = p.w.template keep<T>(known, 1, "head"),
      targets = p.w.template keep<T>(known, 1, "head");
    upload_targets(p, g, targets);
    adapter_.task().loss(p.w, C(logits), C(targets), g.weight, losses, dlogits);
    const double loss = ops::sum(p.w, C(losses));
    if (!g.backward) return loss;
    ops::gemm(p.w, gradient_.w, t(dlogits), pooled_, 1, 1);
    ops::add_column_sums(p.w, gradient_.b, C(dlogits));

    const bool into_pooler = crosses && Task::reads == Reads::first && p.template trains<Site::pooler>();
    const bool below = into_layers || has_side_net<typename P::Plain>();
    if (!below && !into_pooler && !dense_) return loss;
    V dpooled = each_row() ? dlast : p.w.template keep<T>(n, d, "head");
    ops::gemm(p.w, dpooled, dlogits, adapter_.head().w);
    const Dropout mask = p.dropout(backbone.classifier_dropout(), std::uint64_t(nn::DropoutAt::classifier));
    if (mask.active()) ops::dropout(p.w, dpooled, C(dpooled), mask);

    if constexpr (all_rows) {
      if (!each_row()) ops::segment_mean_backward(p.w, dlast, C(dpooled), b.offsets);
    } else {
      ops::multiply(p.w, dpooled, C(dpooled), C(pooler_slope_));
      if (dense_) {
        ops::gemm(p.w, gradient_.dense_w, t(dpooled), pooler_x_, 1, 1);
        ops::add_column_sums(p.w, gradient_.dense_b, C(dpooled));
        if (below) ops::gemm(p.w, dlast, dpooled, adapter_.head().dense_w);
      } else if constexpr (Backbone::sites.contains(Site::pooler)) {
        nn::linear_backward<Site::pooler>(p, pooler_x_, dpooled, below ? dlast : V(), false);
      }
      const Dropout before = p.dropout(backbone.pooler_dropout(), std::uint64_t(nn::DropoutAt::pooler));
      if (below && before.active()) ops::dropout(p.w, dlast, C(dlast), before);
    }
    return loss;
  }

 private:
  static constexpr bool all_rows = Task::reads != Reads::first;
  static constexpr bool crosses = P::Pass::crosses;
  /// Every row by itself, and not their mean?
  bool each_row() const { return all_rows && adapter_.task().read() == Reads::rows; }
  P of_rows_read(const P& p) const { return each_row() ? p : p.on(p.batch->first_row_ids()); }
  Extent rows_read(const Packed& b) const { return each_row() ? b.tokens : b.sequences; }

  void upload_targets(const P& p, const GroupStep& g, V targets) {
    if (p.w.planning()) return;
    if (each_row())
      targets_of_rows(g, adapter_.attached().input_rows(), host_);
    else
      targets_of_sequences(g, adapter_.task().together(), host_);
    upload(p.w.exec, targets.data(), host_.data(), host_.size());
  }

  const Adapter& adapter_;
  typename M::Head gradient_;
  bool dense_;  // does the head begin with a dense layer of its own, in a pooler's place?
  V pooled_, pooler_slope_;
  C pooler_x_;
  std::vector<T> host_;
};

}  // namespace peft
