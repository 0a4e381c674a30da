// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include <peft/model/embedding.hpp>
#include <peft/model/group.hpp>
#include <peft/model/model.hpp>
#include <peft/model/stack.hpp>
#include <peft/model/word_head.hpp>
#include <peft/ops/once.hpp>
#include <peft/ops/ragged.hpp>

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
  static constexpr nn::Spec spec = Backbone::spec;
  static constexpr bool crosses = !beside_backbone<Plain>();

  explicit Lane(const M& model)
      : model_(model),
        accumulator_("peft::gradients", static_cast<std::size_t>(model.layout().group_size())),
        gradients_(model.attached().bind(model.layout(), accumulator_.data(), model.layout().group_size())),
        head_gradient_(model.bind_head(accumulator_.data(), model.layout().group_size())),
        pass_(worker, model.backbone(), model.attached(), model.values(), &gradients_, nullptr),
        stack_(shape().encoder_layers, shape().layers),
        encoder_(0, shape().encoder_layers),
        first_(model.attached().first_layer(shape().encoder_layers, shape().layers)),
        encoder_first_(model.attached().first_layer(0, shape().encoder_layers)),
        below_(model.attached().below_layers()) {
    pass_.rotary = model.backbone().rotary();
  }
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

  /// Forward and backward (only where `g` wants it) of one group; returns its loss. Gradients are in `accumulator()`, except those
  /// of embedding tables, which `add_tables` adds to the step's.
  double step(const GroupStep& g) {
    ops::fill(worker, V(accumulator_.data(), 1, static_cast<Extent>(accumulator_.size())), T(0));
    const double loss = backward(g, forward(g, true));
    worker.fence();
    return loss;
  }
  /// Embedding tables are as large as the model: their gradients go straight to the step's buffer, only to the rows in use.
  void add_tables(typename M::Tensors& tables) {
    if constexpr (crosses) {
      if (!below_) return;
      pass_.layer = -1;
      embedding_.add_tables(pass_, tables, read_batch(), decoder_rows_);
      if constexpr (spec.cross) embedding_.add_tables(pass_, tables, batch_, encoder_rows_);
      if constexpr (spec.position == nn::Position::disentangled) {
        const auto g = pass_.template weight_gradient<Site::relative_table>(tables);
        if (!empty(g.w)) ops::embed_backward(worker, C(pass_.relative.gradient), batch_.distance, g.w);
      }
      worker.fence();
    }
  }

  /// The losses of a group's sequences, summed over their rows, without dropout.
  void losses(const GroupStep& g, std::span<double> out)
    requires(Task::reads == Reads::words)
  {
    const V hidden = forward(g, false);
    const Extent added = added_rows();
    targets_of_rows(g, added, targets_);
    words_.loss(pass_, hidden, targets_, g.weight, V(), &row_losses_);
    const Sequences& read = g.read();
    for (std::size_t i = 0, row = 0; i < out.size(); ++i) {
      const Extent s = read.begin + static_cast<Extent>(i);
      out[i] = 0;
      for (Extent k = read.offsets[s + 1] - read.offsets[s] + added; k > 0; --k) out[i] += row_losses_[row++];
    }
  }

  /// Logits of one group, on the host: (sequences, outputs), or (rows, outputs) where the task reads every row.
  void predict(const GroupStep& g, std::span<T> logits) {
    V out = forward(g, false);
    if constexpr (Task::reads == Reads::words) {
      V all = worker.template keep<T>(rows(out), model_.outputs(), "logits");
      WordHead<P>::logits(pass_, out, all);
      out = all;
    }
    worker.fence();
    if (static_cast<std::size_t>(out.size()) == logits.size())
      return download(worker.exec, logits.data(), static_cast<const T*>(out.data()), logits.size());
    host_.resize(static_cast<std::size_t>(out.size()));
    download(worker.exec, host_.data(), static_cast<const T*>(out.data()), host_.size());
    rows_of_tokens(g.read(), added_rows(), cols(out), host_, logits);
  }

 private:
  /// Are the last layer's outputs wanted for every row?
  static constexpr bool all_rows = Task::reads != Reads::first;
  static constexpr bool whole_last = all_rows || taps_all<Plain>();
  static constexpr bool reads_words = Task::reads == Reads::words;
  /// Every row by itself, and not their mean?
  bool each_row() const { return all_rows && model_.task().read() == Reads::rows; }
  const nn::Shape& shape() const { return model_.backbone().shape(); }
  /// Rows of an input delta before each sequence that the task reads: of an encoder-decoder they stand before the encoder's.
  Extent added_rows() const { return spec.cross ? 0 : model_.attached().input_rows(); }
  Packed& read_batch() { return spec.cross ? decoder_batch_ : batch_; }
  /// Does backward come to the encoder of an encoder-decoder?
  bool into_encoder() const { return crosses && spec.cross && (encoder_first_ != P::Attached::none || below_); }

  /// The last layer's output: of the rows that are read, words and all rows alike; else the head's logits.
  V forward(const GroupStep& g, bool backward_comes) {
    worker.space.clear();
    pass_.training = g.training && backward_comes;
    pass_.seed = g.seed;
    pass_.layer = -1;
    const bool wanted = crosses && backward_comes;
    pack_group(g);
    start_distances(wanted && below_);
    if constexpr (spec.cross) run_encoder(wanted);
    pass_.batch = &read_batch();
    pass_.rows_are(pass_.batch->example, pass_.batch->positions);
    stack_.start(pass_, below_ || into_encoder() ? stack_.begin() : first_, wanted);
    V x = stack_.input(pass_, stack_.begin(), pass_.batch->tokens);
    embedding_.forward(pass_, x, wanted && below_);
    if constexpr (has_side_net<Plain>()) {
      if (!spec.cross) side([&](auto& net, auto& p, auto& kept, auto&) { net.begin(pass_, p, kept, shape().layers); });
      start_scores();
      tap(spec.cross ? -2 : -1, x, false);
    }
    const auto seen = [&](int l, V y, bool gathered) {
      if constexpr (has_side_net<Plain>()) tap(l, y, gathered);
    };
    x = stack_.forward(pass_, shape(), x, !whole_last, seen, [&](int l) {
      if constexpr (spec.cross && has_side_net<Plain>()) side([&](auto& net, auto& p, auto& kept, auto&) { tap_attention(net, p, kept, l); });
    });
    if constexpr (whole_last && Task::reads == Reads::first) {
      V read = worker.template keep<T>(batch_.sequences, shape().width, "head");
      ops::gather_rows(worker, read, C(x), batch_.first);
      x = read;
    }
    if constexpr (has_side_net<Plain>()) {
      side_rows(all_rows);
      side([&](auto& net, auto& p, auto& kept, auto&) { net.correct(pass_, p, kept, x); });
    }
    if constexpr (spec.pre_norm) x = final_norm(x, shape().layers - 1, final_, "final", backward_comes);
    if constexpr (reads_words)
      return x;
    else
      return head(x, backward_comes);
  }

  void pack_group(const GroupStep& g) {
    const auto& attached = model_.attached();
    const Extent added = attached.input_rows();
    batch_ = pack(worker, g.sequences, added, attached.prefix_rows(model_.values()), staging_, distances(g.sequences.longest() + added));
    pass_.batch = &batch_;
    pass_.rows_are(batch_.example, batch_.positions);
    if constexpr (spec.cross) {
      decoder_batch_ = pack(worker, g.decoder, 0, attached.prefix_rows(model_.values()), decoder_staging_);
      pass_.source = &batch_;
    }
  }

  void run_encoder(bool wanted) {
    encoder_.start(pass_, below_ ? 0 : encoder_first_, wanted);
    V x = encoder_.input(pass_, 0, batch_.tokens);
    embedding_.forward(pass_, x, wanted && below_);
    if constexpr (has_side_net<Plain>()) {
      side([&](auto& net, auto& p, auto& kept, auto&) { net.begin(pass_, p, kept, shape().layers); });
      tap(-1, x, false);
    }
    x = encoder_.forward(pass_, shape(), x, false, [&](int l, V y, bool gathered) {
      if constexpr (has_side_net<Plain>()) tap(l, y, gathered);
    });
    pass_.source_rows = final_norm(x, shape().encoder_layers - 1, encoder_final_, "encoder output", wanted && into_encoder());
  }

  /// The norm after the last layer, where there is one.
  V final_norm(V x, int layer, nn::NormKept<V>& kept, const char* name, bool crossing) {
    V y = worker.template keep<T>(rows(x), cols(x), name);
    pass_.layer = layer;
    pass_.rows_are(pass_.batch->example, pass_.batch->positions);
    kept = nn::norm<Site::final_norm>(pass_, x, C(), {}, shape().epsilon, y, crossing);
    if constexpr (spec.cross) nn::dropped(pass_, nn::DropoutAt::final, shape().hidden_dropout, y, y);
    pass_.layer = -1;
    return y;
  }
  void final_norm_backward(V dy, int layer, const nn::NormKept<V>& kept) {
    pass_.layer = layer;
    if constexpr (spec.cross) nn::dropped(pass_, nn::DropoutAt::final, shape().hidden_dropout, dy, dy);
    nn::norm_backward<Site::final_norm>(pass_, kept, dy);
    pass_.layer = -1;
  }

  /// Which embedded distances sequences of up to `longest` tokens meet, as rows of their table.
  std::vector<int> distances(Extent longest) {
    if constexpr (spec.position == nn::Position::disentangled) {
      const int span = rows(model_.backbone().template weights<Site::relative_table>(-1).w) / 2;
      const int reach = std::min(ops::deberta_bucket(longest - 1, shape().buckets, shape().reach), span);
      pass_.relative.reach = reach;
      std::vector<int> rows;
      for (int r = -reach; r <= reach; ++r) rows.push_back(std::clamp(r + span, 0, 2 * span - 1));
      return rows;
    }
    return {};
  }
  void start_distances(bool crossing) {
    if constexpr (spec.position == nn::Position::disentangled) {
      const Extent r = batch_.distances, d = shape().width;
      V rows = worker.template keep<T>(r, d, "distances");
      ops::gather_rows(worker, rows, pass_.template weights<Site::relative_table>().w, batch_.distance);
      if (model_.backbone().has(Site::relative_norm, -1))
        relative_norm_ = nn::norm<Site::relative_norm>(pass_, C(rows), C(), {}, shape().epsilon, rows, crossing);
      pass_.relative.rows = rows;
      pass_.relative.gradient = crossing ? worker.template keep<T>(r, d, "distances") : V();
      if (crossing) ops::fill(worker, pass_.relative.gradient, T(0));
    }
  }

  /// The vectors that the task reads, and their logits.
  V head(V last, bool crossing) {
    const Backbone& backbone = model_.backbone();
    const Extent d = backbone.width(), n = read_rows();
    pooled_ = each_row() ? last : worker.template keep<T>(n, d, "head");
    if constexpr (Task::reads == Reads::first) {
      pass_.rows_are(batch_.first_example, batch_.first_position);
      pooler_slope_ = crossing ? worker.template keep<T>(n, d, "head") : V();
      // The last layer's rows live in a buffer of two that take turns; nothing writes there before backward begins.
      C read = last;
      const Dropout mask = pass_.dropout(backbone.pooler_dropout(), std::uint64_t(nn::DropoutAt::pooler));
      if (mask.active()) {
        V dropped = worker.template keep<T>(n, d, "head");
        ops::dropout(worker, dropped, C(last), mask);
        read = dropped;
      }
      if constexpr (Backbone::Family::dense_in_head) {
        pooler_x_ = read;
        ops::broadcast_row(worker, pooled_, C(model_.head().dense_b));
        ops::gemm(worker, pooled_, read, t(model_.head().dense_w), 1, 1);
      } else {
        nn::linear<Site::pooler>(pass_, read, pooled_, pooler_x_);
      }
      nn::activate(pass_, backbone.pooler_activation(), pooled_, pooler_slope_);
    } else if (each_row()) {
      pass_.rows_are(batch_.example, batch_.positions);
    } else {
      ops::segment_mean(worker, pooled_, C(last), batch_.offsets);
      pass_.rows_are(batch_.first_example, batch_.first_position);
    }
    const Dropout mask = pass_.dropout(backbone.classifier_dropout(), std::uint64_t(nn::DropoutAt::classifier));
    if (mask.active()) ops::dropout(worker, pooled_, C(pooled_), mask);
    V logits = worker.template keep<T>(n, model_.task().labels, "head");
    ops::broadcast_row(worker, logits, C(model_.head().b));
    ops::gemm(worker, logits, pooled_, t(model_.head().w), 1, 1);
    return logits;
  }

  double backward(const GroupStep& g, V out) {
    const bool into_layers = crosses && (first_ != P::Attached::none || below_ || into_encoder());
    stack_.start_backward(pass_);
    V dlast = stack_.last_gradient(all_rows ? read_batch().tokens : read_rows());
    double loss = 0;
    if constexpr (reads_words) {
      if (!worker.planning()) targets_of_rows(g, added_rows(), targets_);
      loss = words_.loss(pass_, C(out), targets_, g.weight, g.backward && (into_layers || has_side_net<Plain>() || trains_words()) ? dlast : V());
    } else {
      loss = head_backward(g, out, dlast, into_layers);
    }
    if (!g.backward || (!into_layers && !has_side_net<Plain>())) return loss;
    pass_.batch = &read_batch();
    pass_.rows_are(pass_.batch->example, pass_.batch->positions);
    if constexpr (spec.pre_norm) final_norm_backward(dlast, shape().layers - 1, final_);
    if constexpr (has_side_net<Plain>()) {
      side_rows(all_rows);
      side([&](auto& net, auto& p, auto& kept, auto& grad) { net.backward(pass_, p, kept, C(dlast), grad); });
    }
    if constexpr (crosses)
      if (into_layers) layers_backward();
    return loss;
  }
  bool trains_words() const {
    return pass_.template trains<Site::lm_head>() || (model_.backbone().tied() && pass_.template trains<Site::word_table>());
  }

  /// From logits to the last layer's output.
  double head_backward(const GroupStep& g, V logits, V dlast, bool into_layers) {
    const Backbone& backbone = model_.backbone();
    const Extent n = read_rows(), d = shape().width, known = n / model_.task().together();
    V dlogits = worker.template keep<T>(n, cols(logits), "head"), losses = worker.template keep<T>(known, 1, "head"),
      targets = worker.template keep<T>(known, 1, "head");
    upload_targets(g, targets);
    model_.task().loss(worker, C(logits), C(targets), g.weight, losses, dlogits);
    const double loss = ops::sum(worker, C(losses));
    if (!g.backward) return loss;
    ops::gemm(worker, head_gradient_.w, t(dlogits), pooled_, 1, 1);
    ops::add_column_sums(worker, head_gradient_.b, C(dlogits));

    constexpr bool dense = Task::reads == Reads::first && Backbone::Family::dense_in_head;
    const bool into_pooler = crosses && Task::reads == Reads::first && pass_.template trains<Site::pooler>();
    const bool below = into_layers || has_side_net<Plain>();
    if (!below && !into_pooler && !dense) return loss;
    V dpooled = each_row() ? dlast : worker.template keep<T>(n, d, "head");
    ops::gemm(worker, dpooled, dlogits, model_.head().w);
    const Dropout mask = pass_.dropout(backbone.classifier_dropout(), std::uint64_t(nn::DropoutAt::classifier));
    if (mask.active()) ops::dropout(worker, dpooled, C(dpooled), mask);

    if constexpr (all_rows) {
      if (!each_row()) ops::segment_mean_backward(worker, dlast, C(dpooled), batch_.offsets);
    } else {
      ops::multiply(worker, dpooled, C(dpooled), C(pooler_slope_));
      if constexpr (dense) {
        ops::gemm(worker, head_gradient_.dense_w, t(dpooled), pooler_x_, 1, 1);
        ops::add_column_sums(worker, head_gradient_.dense_b, C(dpooled));
        if (below) ops::gemm(worker, dlast, dpooled, model_.head().dense_w);
      } else {
        nn::linear_backward<Site::pooler>(pass_, pooler_x_, dpooled, below ? dlast : V(), false);
      }
      const Dropout before = pass_.dropout(backbone.pooler_dropout(), std::uint64_t(nn::DropoutAt::pooler));
      if (below && before.active()) ops::dropout(worker, dlast, C(dlast), before);
    }
    return loss;
  }

  void layers_backward() {
    if constexpr (spec.cross) {
      pass_.source_gradient = into_encoder() ? worker.template keep<T>(batch_.tokens, shape().width, "encoder gradient") : V();
      if (into_encoder()) ops::fill(worker, pass_.source_gradient, T(0));
    }
    const V dx = stack_.backward(pass_, shape(), stack_.last_gradient(whole_last ? read_batch().tokens : read_batch().sequences), below_ || into_encoder());
    if (below_) decoder_rows_ = embedding_.backward(pass_, dx);
    if constexpr (spec.cross)
      if (into_encoder()) encoder_backward();
    if constexpr (spec.position == nn::Position::disentangled)
      if (below_ && model_.backbone().has(Site::relative_norm, -1)) nn::norm_backward<Site::relative_norm>(pass_, relative_norm_, pass_.relative.gradient);
  }
  void encoder_backward() {
    pass_.batch = &batch_;
    pass_.rows_are(batch_.example, batch_.positions);
    final_norm_backward(pass_.source_gradient, shape().encoder_layers - 1, encoder_final_);
    encoder_.start_backward(pass_);
    V dy = encoder_.last_gradient(batch_.tokens);
    ops::copy(worker, dy, C(pass_.source_gradient));
    const V dx = encoder_.backward(pass_, shape(), dy, below_);
    if (below_) encoder_rows_ = embedding_.backward(pass_, dx);
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
    const Packed& b = *pass_.batch;
    pass_.rows_are(all ? b.example : b.first_example, all ? b.positions : b.first_position);
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
    pass_.rows_are(pass_.batch->example, pass_.batch->positions);
  }
  /// Shows a side net that asks for them the scores of a decoder layer's attention to the encoder, their mean over the heads.
  void tap_attention(auto& net, auto& p, auto& kept, int l) {
    using Scores = ops::Ragged<V>;
    if constexpr (taps_attention<std::remove_cvref_t<decltype(net)>>()) {
      if (!shape().decodes(l)) return;
      nn::CrossAttention<P>& cross = stack_.block(l).cross;
      const ops::Segments segments = cross.segments(pass_, shape());
      const V mean = slice(scores_, l - shape().encoder_layers, l - shape().encoder_layers + 1);
      ops::attention_mean(worker, segments, C(cross.q), C(cross.k), V(mean));
      net.tap_attention(pass_, p, kept, l, Scores{segments, mean});
    }
  }
  static constexpr bool shows_scores = [] {
    return []<std::size_t... i>(std::index_sequence<i...>) {
      return (peft::taps_attention<typename Plain::template type<i>>() || ... || false);
    }(std::make_index_sequence<Plain::size>{});
  }();
  /// Room for them: no more entries than a group of these sizes can have.
  void start_scores() {
    if constexpr (spec.cross && shows_scores) {
      const Extent most = std::min(batch_.longest * decoder_batch_.tokens, decoder_batch_.longest * batch_.tokens);
      scores_ = worker.template keep<T>(shape().layers - shape().encoder_layers, most, "scores");
    }
  }

  Extent read_rows() const { return each_row() ? batch_.tokens : batch_.sequences; }

  void upload_targets(const GroupStep& g, V targets) {
    if (worker.planning()) return;
    if (each_row())
      targets_of_rows(g, added_rows(), host_);
    else
      targets_of_sequences(g, model_.task().together(), host_);
    upload(worker.exec, targets.data(), host_.data(), host_.size());
  }

  /// One sequence of the greatest length, the rest shared out: only totals and the longest enter any size.
  static std::vector<std::int32_t> offsets_of(Extent sequences, Extent tokens, Extent longest) {
    std::vector<std::int32_t> offsets{0, longest};
    const Extent others = std::max(sequences - 1, 0), rest = std::max(tokens - longest, 0);
    for (Extent i = 0; i < others; ++i) offsets.push_back(offsets.back() + rest / others + (i < rest % others ? 1 : 0));
    return offsets;
  }
  void run_empty(const GroupShape& shape, bool training) {
    const auto offsets = offsets_of(shape.sequences, shape.tokens, shape.longest),
               decoder = offsets_of(shape.sequences, shape.decoder_tokens, shape.decoder_longest);
    GroupStep g;
    g.sequences = {offsets, {}, {}, {}, 0, static_cast<Extent>(offsets.size()) - 1};
    if (spec.cross) g.decoder = {decoder, {}, {}, {}, 0, static_cast<Extent>(decoder.size()) - 1};
    const V out = forward(g, training);
    if (training) backward(g, out);
    if constexpr (reads_words)
      if (!training) worker.template keep<T>(rows(out), model_.outputs(), "logits");
  }

  const M& model_;
  typename M::Buffer accumulator_;
  typename M::Tensors gradients_;
  typename M::Head head_gradient_;
  P pass_;
  Stack<P> stack_, encoder_;  // the layers whose output is read, and those of an encoder before them
  int first_, encoder_first_;  // lowest layers with a delta
  bool below_;                 // is anything trained below the layers?
  Embedding<P> embedding_;
  WordHead<P> words_;
  Packed batch_, decoder_batch_;
  std::vector<int> staging_, decoder_staging_;
  std::vector<T> host_;
  std::vector<double> targets_, row_losses_;
  nn::NormKept<V> final_, encoder_final_, relative_norm_;
  V pooled_, pooler_slope_, decoder_rows_, encoder_rows_, scores_;
  C pooler_x_;
  std::size_t planned_ = 0;
  std::map<std::string, std::size_t> names_;
};

}  // namespace peft
