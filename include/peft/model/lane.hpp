// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include <peft/model/group.hpp>
#include <peft/model/model.hpp>
#include <peft/nn/encoder_block.hpp>
#include <peft/ops/embed.hpp>
#include <peft/pass.hpp>

namespace peft {

/// One worker's own side of a model: its workspace, its gradient accumulator, and the way of a group of sequences through all
/// layers, forward and backward (depth first: activations stay in its cache, and memory does not grow with the batch).
template <class M>
class Lane {
 public:
  using Backbone = typename M::Backbone;
  using Task = typename M::Task;
  using T = typename M::T;
  using E = typename M::E;
  using V = Mat<T, E>;
  using C = Mat<const T, E>;
  using P = Pass<Backbone, typename M::Method>;
  using Plain = typename P::Plain;
  static constexpr bool crosses = !beside_backbone<Plain>();

  explicit Lane(const M& model)
      : model_(model),
        accumulator_("peft::gradients", static_cast<std::size_t>(model.layout().group_size())),
        gradients_(model.attached().bind(model.layout(), accumulator_.data(), model.layout().group_size())),
        head_gradient_(model.bind_head(accumulator_.data(), model.layout().group_size())),
        pass_(worker, model.backbone(), model.attached(), model.values(), &gradients_, nullptr),
        blocks_(static_cast<std::size_t>(model.backbone().layers())),
        first_(model.attached().first_layer()) {}
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  Worker<E> worker;

  const typename M::Buffer& accumulator() const { return accumulator_; }

  /// Makes room for groups up to `shape` by running one with the ops switched off. Returns the bytes planned.
  std::size_t plan(const GroupShape& shape, bool training) {
    worker.space.count();
    run_empty(shape, training);
    const std::size_t bytes = worker.space.peak();
    names_ = worker.space.by_name();
    planned_ = std::max(planned_, bytes);
    worker.space.reserve(planned_);
    return bytes;
  }
  const std::map<std::string, std::size_t>& planned_by_name() const { return names_; }

  /// Forward and backward of one group; returns its loss. Gradients are in `accumulator()`, except those of embedding tables,
  /// which `tables` receives when `in_order` runs: it calls its argument when it is this group's turn.
  template <class InOrder>
  double step(const GroupStep& g, typename M::Tensors& tables, InOrder&& in_order) {
    ops::fill(worker, V(accumulator_.data(), 1, static_cast<Extent>(accumulator_.size())), T(0));
    const V logits = forward(g, true);
    const double loss = backward(g, logits);
    worker.fence();
    in_order([&] { add_tables(tables); });
    return loss;
  }

  /// Logits of one group, on the host: (sequences, labels), or (tokens, labels) where the task reads every row.
  void predict(const GroupStep& g, std::span<T> logits) {
    const V out = forward(g, false);
    worker.fence();
    if (static_cast<std::size_t>(out.size()) == logits.size())
      return download(worker.exec, logits.data(), static_cast<const T*>(out.data()), logits.size());
    host_.resize(static_cast<std::size_t>(out.size()));
    download(worker.exec, host_.data(), static_cast<const T*>(out.data()), host_.size());
    rows_of_tokens(g.sequences, model_.attached().input_rows(), cols(out), host_, logits);
  }

 private:
  /// Are the last layer's outputs wanted for every row?
  static constexpr bool all_rows = Task::reads != Reads::first;
  static constexpr bool whole_last = all_rows || taps_all<Plain>();
  /// Every row by itself, and not their mean?
  bool each_row() const { return all_rows && model_.task().read() == Reads::rows; }

  V forward(const GroupStep& g, bool crossing_wanted) {
    const Backbone& bert = model_.backbone();
    const auto& shape = bert.shape();
    const Extent d = shape.width;
    worker.space.clear();
    pass_.training = g.training && crossing_wanted;
    pass_.seed = g.seed;
    pass_.layer = -1;
    batch_ = pack(worker, g.sequences, model_.attached().input_rows(), model_.attached().prefix_rows(model_.values()), staging_);
    pass_.batch = &batch_;
    pass_.rows_are(batch_.example, batch_.positions);
    const bool below = crosses && crossing_wanted && first_ < 0;
    // Two buffers take turns where a layer's input need not outlive the next layer.
    V turn[2] = {worker.template keep<T>(batch_.tokens, d, "hidden"), worker.template keep<T>(batch_.tokens, d, "hidden")};
    V x = output_for(0, turn, crossing_wanted, batch_.tokens);
    embed(x, below);
    if constexpr (has_side_net<Plain>()) {
      side([&](auto& net, auto& p, auto& kept, auto&) { net.begin(pass_, p, kept, shape.layers); });
      tap(-1, x, false);
    }

    for (int l = 0; l < shape.layers; ++l) {
      pass_.layer = l;
      const bool last = l + 1 == shape.layers, only_first = last && !whole_last;
      const bool crossing = crosses && crossing_wanted && l >= first_;
      V y = output_for(l + 1, turn, crossing_wanted, only_first ? batch_.sequences : batch_.tokens);
      const std::size_t mark = worker.space.mark();
      blocks_[static_cast<std::size_t>(l)].forward(pass_, shape, x, y, only_first, crossing);
      if (!crossing) worker.space.release(mark);
      x = y;
      if constexpr (has_side_net<Plain>()) tap(l, x, only_first);
    }
    pass_.layer = -1;
    if constexpr (whole_last && Task::reads == Reads::first) {
      V read = worker.template keep<T>(batch_.sequences, d, "head");
      ops::gather_rows(worker, read, C(x), batch_.first);
      x = read;
    }
    if constexpr (has_side_net<Plain>()) {
      side_rows(all_rows);
      side([&](auto& net, auto& p, auto& kept, auto&) { net.correct(pass_, p, kept, x); });
    }
    return head(x, crossing_wanted);
  }

  /// Where layer l's input goes: kept when a delta in l reads it in backward.
  V output_for(int l, V (&turn)[2], bool crossing_wanted, Extent n) {
    const int layer = pass_.layer;
    pass_.layer = l;
    const bool keep = crosses && crossing_wanted && l >= first_ && l < model_.backbone().layers() &&
                      (pass_.template keeps_input<Site::query>() || pass_.template keeps_input<Site::key>() ||
                       pass_.template keeps_input<Site::value>() || pass_.template keeps_input<Site::attention>());
    pass_.layer = layer;
    if (keep) return worker.template keep<T>(n, model_.backbone().width(), "layer input");
    return slice(turn[l % 2], 0, n);
  }

  void embed(V x, bool crossing) {
    const Backbone& bert = model_.backbone();
    const auto& shape = bert.shape();
    const auto scope = worker.scope();
    V sum = worker.template temp<T>(batch_.tokens, shape.width);
    C virtual_rows;
    pass_.template each<Site::input, Route::input>([&](auto i, int m) {
      auto p = P::template module<i>(model_.values(), m);
      virtual_rows = model_.attached().template delta<i>().rows(p);
    });
    ops::embed(worker, sum, batch_.ids, batch_.positions, batch_.types, pass_.template weights<Site::word_table>().w,
               pass_.template weights<Site::position_table>().w, pass_.template weights<Site::type_table>().w, virtual_rows);
    embed_norm_ = nn::layernorm<Site::embed_norm>(pass_, sum, C(), {}, shape.epsilon, x, crossing);
    const Dropout mask = pass_.dropout(shape.hidden_dropout, std::uint64_t(nn::DropoutAt::embedding));
    if (mask.active()) ops::dropout(worker, x, C(x), mask);
  }

  /// The vectors that the task reads, and their logits.
  V head(V last, bool crossing) {
    const Backbone& bert = model_.backbone();
    const Extent d = bert.width(), n = read_rows();
    pooled_ = each_row() ? last : worker.template keep<T>(n, d, "head");
    if constexpr (Task::reads == Reads::first) {
      pass_.rows_are(batch_.first_example, batch_.first_position);
      pooler_slope_ = crossing ? worker.template keep<T>(n, d, "head") : V();
      // The last layer's rows live in a buffer of two that take turns; nothing writes there before backward begins.
      nn::linear<Site::pooler>(pass_, last, pooled_, pooler_x_);
      ops::activate(worker, pooled_, pooler_slope_, ops::Tanh{});
    } else if (each_row()) {
      pass_.rows_are(batch_.example, batch_.positions);
    } else {
      ops::segment_mean(worker, pooled_, C(last), batch_.offsets);
      pass_.rows_are(batch_.first_example, batch_.first_position);
    }
    const Dropout mask = pass_.dropout(bert.classifier_dropout(), std::uint64_t(nn::DropoutAt::classifier));
    if (mask.active()) ops::dropout(worker, pooled_, C(pooled_), mask);
    V logits = worker.template keep<T>(n, model_.task().labels, "head");
    ops::broadcast_row(worker, logits, C(model_.head().b));
    ops::gemm(worker, logits, pooled_, t(model_.head().w), 1, 1);
    return logits;
  }

  double backward(const GroupStep& g, V logits) {
    const Backbone& bert = model_.backbone();
    const auto& shape = bert.shape();
    const Extent n = read_rows(), d = shape.width, known = n / model_.task().together();
    V dlogits = worker.template keep<T>(n, cols(logits), "head"), losses = worker.template keep<T>(known, 1, "head"),
      targets = worker.template keep<T>(known, 1, "head");
    upload_targets(g, targets);
    model_.task().loss(worker, C(logits), C(targets), g.weight, losses, dlogits);
    const double loss = ops::sum(worker, C(losses));
    ops::gemm(worker, head_gradient_.w, t(dlogits), pooled_, 1, 1);
    ops::add_column_sums(worker, head_gradient_.b, C(dlogits));

    const bool into_layers = crosses && first_ < shape.layers;
    const bool into_pooler = crosses && Task::reads == Reads::first && pass_.template trains<Site::pooler>();
    if (!into_layers && !into_pooler && !has_side_net<Plain>()) return loss;
    // Gradients of the layers' outputs take turns in two buffers.
    V turn[2] = {worker.template keep<T>(batch_.tokens, d, "gradient"), worker.template keep<T>(batch_.tokens, d, "gradient")};
    V dlast = slice(turn[shape.layers % 2], 0, all_rows ? batch_.tokens : n);
    V dpooled = each_row() ? dlast : worker.template keep<T>(n, d, "head");
    ops::gemm(worker, dpooled, dlogits, model_.head().w);
    const Dropout mask = pass_.dropout(bert.classifier_dropout(), std::uint64_t(nn::DropoutAt::classifier));
    if (mask.active()) ops::dropout(worker, dpooled, C(dpooled), mask);

    if constexpr (all_rows) {
      if (!each_row()) ops::segment_mean_backward(worker, dlast, C(dpooled), batch_.offsets);
    } else {
      ops::multiply(worker, dpooled, C(dpooled), C(pooler_slope_));
      nn::linear_backward<Site::pooler>(pass_, pooler_x_, dpooled, into_layers || has_side_net<Plain>() ? dlast : V(), false);
    }
    if constexpr (has_side_net<Plain>()) {
      side_rows(all_rows);
      side([&](auto& net, auto& p, auto& kept, auto& grad) { net.backward(pass_, p, kept, C(dlast), grad); });
    }
    if constexpr (crosses)
      if (into_layers) layers_backward(turn);
    return loss;
  }

  void layers_backward(V (&turn)[2]) {
    const auto& shape = model_.backbone().shape();
    V dy = slice(turn[shape.layers % 2], 0, whole_last ? batch_.tokens : batch_.sequences);
    for (int l = shape.layers - 1; l >= std::max(first_, 0); --l) {
      pass_.layer = l;
      const bool below = l > first_ || pass_.template any<Site::layer, Route::pre>();
      V dx = below ? turn[l % 2] : V();
      blocks_[static_cast<std::size_t>(l)].backward(pass_, shape, dy, dx);
      dy = dx;
    }
    pass_.layer = -1;
    if (first_ < 0) embed_backward(dy);
  }

  void embed_backward(V dx) {
    pass_.rows_are(batch_.example, batch_.positions);
    const Dropout mask = pass_.dropout(model_.backbone().shape().hidden_dropout, std::uint64_t(nn::DropoutAt::embedding));
    if (mask.active()) ops::dropout(worker, dx, C(dx), mask);
    nn::layernorm_backward<Site::embed_norm>(pass_, embed_norm_, dx);
    pass_.template each<Site::input, Route::input>([&](auto i, int m) {
      ops::embed_backward(worker, C(dx), batch_.ids, model_.attached().template delta<i>().rows(P::template module<i>(gradients_, m)), true);
    });
    dembedded_ = dx;
  }

  /// Embedding tables are as large as the model: their gradients go straight to the step's buffer, only to the rows in use.
  void add_tables(typename M::Tensors& tables) {
    if constexpr (crosses) {
      if (first_ >= 0) return;
      pass_.layer = -1;
      table<Site::word_table>(tables, batch_.ids);
      table<Site::position_table>(tables, batch_.positions);
      table<Site::type_table>(tables, batch_.types);
      worker.fence();
    }
  }
  template <Site S>
  void table(typename M::Tensors& tables, const int* index) {
    const auto g = pass_.template weight_gradient<S>(tables);
    if (!empty(g.w)) ops::embed_backward(worker, C(dembedded_), index, g.w);
  }

  template <class F>
  void side(F&& f) {
    pass_.template each<Site::side, Route::side>([&](auto i, int m) {
      pass_.template here<i>(m);
      f(model_.attached().template delta<i>(), P::template module<i>(model_.values(), m), std::get<i>(pass_.kept.all)[m],
        P::template module<i>(gradients_, m));
    });
  }
  void side_rows(bool all) {
    if (all)
      pass_.rows_are(batch_.example, batch_.positions);
    else
      pass_.rows_are(batch_.first_example, batch_.first_position);
  }
  /// Shows each side net what it wants to see: the rows that the task reads, or all. `gathered`: x holds the former only.
  void tap(int l, V x, bool gathered) {
    side([&](auto& net, auto& p, auto& kept, auto&) {
      constexpr bool all = all_rows || taps_all_rows<std::remove_cvref_t<decltype(net)>>();
      const auto scope = worker.scope();
      V seen = x;
      if (!all && !gathered) {
        seen = worker.template temp<T>(batch_.sequences, cols(x));
        ops::gather_rows(worker, seen, C(x), batch_.first);
      }
      side_rows(all);
      net.tap(pass_, p, kept, l, C(seen));
    });
    pass_.rows_are(batch_.example, batch_.positions);
  }

  Extent read_rows() const { return each_row() ? batch_.tokens : batch_.sequences; }

  void upload_targets(const GroupStep& g, V targets) {
    if (worker.planning()) return;
    if (each_row())
      targets_of_rows(g, model_.attached().input_rows(), host_);
    else
      targets_of_sequences(g, model_.task().together(), host_);
    upload(worker.exec, targets.data(), host_.data(), host_.size());
  }

  void run_empty(const GroupShape& shape, bool training) {
    // One sequence of the greatest length, the rest shared out: only totals and the longest enter any size.
    std::vector<std::int32_t> offsets{0};
    const Extent others = std::max(shape.sequences - 1, 0), rest = std::max(shape.tokens - shape.longest, 0);
    offsets.push_back(shape.longest);
    for (Extent i = 0; i < others; ++i) offsets.push_back(offsets.back() + rest / others + (i < rest % others ? 1 : 0));
    GroupStep g;
    g.sequences = {offsets, {}, {}, {}, 0, static_cast<Extent>(offsets.size()) - 1};
    if (training)
      backward(g, forward(g, true));
    else
      forward(g, false);
  }

  const M& model_;
  typename M::Buffer accumulator_;
  typename M::Tensors gradients_;
  typename M::Head head_gradient_;
  P pass_;
  std::vector<nn::EncoderBlock<P>> blocks_;
  int first_;
  Packed batch_;
  std::vector<int> staging_;
  std::vector<T> host_;
  nn::NormKept<V> embed_norm_;
  V pooled_, pooler_slope_, dembedded_;
  C pooler_x_;
  std::size_t planned_ = 0;
  std::map<std::string, std::size_t> names_;
};

}  // namespace peft
