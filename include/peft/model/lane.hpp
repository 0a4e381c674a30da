// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include <peft/model/classifier_head.hpp>
#include <peft/model/distances.hpp>
#include <peft/model/embedding.hpp>
#include <peft/model/group.hpp>
#include <peft/model/model.hpp>
#include <peft/model/side_taps.hpp>
#include <peft/model/stack.hpp>
#include <peft/model/word_head.hpp>
#include <peft/ops/once.hpp>
#include <peft/ops/ragged.hpp>

namespace peft {

/// One worker's own side of a model: its workspace, its gradient accumulator, and the way of a group of sequences
/// through all layers, forward and backward (depth first: activations stay in its cache, and memory does not grow with
/// the batch).
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
        head_(model, accumulator_.data(), model.layout().group_size()),
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
  /// The room that groups up to `shape` need, and what they write to where there is more; takes no memory.
  std::pair<std::size_t, std::size_t> foresee(const GroupShape& shape, bool training) {
    worker.space.count();
    run_empty(shape, training);
    const std::pair sizes(worker.space.peak(), worker.space.spread());
    worker.space.reserve(planned_);
    return sizes;
  }

  /// Forward and backward (only where `g` wants it) of one group; returns its loss. Gradients are in `accumulator()`,
  /// except those of embedding tables, which `add_tables` adds to the step's.
  double step(const GroupStep& g) {
    ops::fill(worker, V(accumulator_.data(), 1, static_cast<Extent>(accumulator_.size())), T(0));
    const double loss = backward(g, forward(g, true));
    worker.fence();
    return loss;
  }
  /// Embedding tables are as large as the model: their gradients go straight to the step's buffer, only to the rows in
  /// use.
  void add_tables(typename M::Tensors& tables) {
    if constexpr (crosses) {
      if (!below_) return;
      pass_.layer = -1;
      embedding_.add_tables(pass_, tables, read_batch(), decoder_rows_);
      if constexpr (spec.cross) embedding_.add_tables(pass_, tables, batch_, encoder_rows_);
      if constexpr (spec.position == nn::Position::disentangled) distances_.add_table(pass_, tables, batch_);
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
  const nn::Shape& shape() const { return model_.backbone().shape(); }
  /// Rows of an input delta before each sequence that the task reads: of an encoder-decoder they stand before the
  /// encoder's.
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
    if constexpr (spec.position == nn::Position::disentangled) distances_.start(pass_, batch_, wanted && below_);
    if constexpr (spec.cross) run_encoder(wanted);
    pass_.batch = &read_batch();
    pass_.rows_are(pass_.batch->example, pass_.batch->positions);
    stack_.start(pass_, below_ || into_encoder() ? stack_.begin() : first_, wanted);
    V x = stack_.input(pass_, stack_.begin(), pass_.batch->tokens);
    embedding_.forward(pass_, x, wanted && below_);
    if constexpr (has_side_net<Plain>()) {
      if (!spec.cross) side_.begin(shape().layers);
      side_.make_room(batch_, decoder_batch_);
      side_.tap(spec.cross ? -2 : -1, x);
    }
    const auto seen = [&](int l, V y, bool gathered) {
      if constexpr (has_side_net<Plain>()) side_.tap(l, y, gathered);
    };
    x = stack_.forward(pass_, shape(), x, !whole_last, seen, [&](int l) {
      if constexpr (has_side_net<Plain>()) side_.inside(l);
    });
    if constexpr (whole_last && Task::reads == Reads::first) {
      V read = worker.template keep<T>(batch_.sequences, shape().width, "head");
      ops::gather_rows(worker, read, C(x), batch_.first);
      x = read;
    }
    if constexpr (has_side_net<Plain>()) side_.correct(x);
    if constexpr (spec.pre_norm) x = final_norm(x, shape().layers - 1, final_, "final", backward_comes);
    if constexpr (reads_words)
      return x;
    else
      return head_.forward(pass_, x, backward_comes);
  }

  void pack_group(const GroupStep& g) {
    const auto& attached = model_.attached();
    const Extent added = attached.input_rows();
    batch_ = pack(worker, g.sequences, added, attached.prefix_rows(model_.values()), staging_,
                  distances_.met(pass_, g.sequences.longest() + added));
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
      side_.begin(shape().layers);
      side_.tap(-1, x);
    }
    x = encoder_.forward(pass_, shape(), x, false, [&](int l, V y, bool gathered) {
      if constexpr (has_side_net<Plain>()) side_.tap(l, y, gathered);
    });
    pass_.source_rows =
        final_norm(x, shape().encoder_layers - 1, encoder_final_, "encoder output", wanted && into_encoder());
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

  double backward(const GroupStep& g, V out) {
    const bool into_layers = crosses && (first_ != P::Attached::none || below_ || into_encoder());
    stack_.start_backward(pass_);
    V dlast = stack_.last_gradient(all_rows ? read_batch().tokens : read_batch().sequences);
    double loss = 0;
    if constexpr (reads_words) {
      if (!worker.planning()) targets_of_rows(g, added_rows(), targets_);
      loss = words_.loss(pass_, C(out), targets_, g.weight,
                         g.backward && (into_layers || has_side_net<Plain>() || trains_words()) ? dlast : V());
    } else {
      loss = head_.backward(pass_, g, out, dlast, into_layers);
    }
    if (!g.backward || (!into_layers && !has_side_net<Plain>())) return loss;
    pass_.batch = &read_batch();
    pass_.rows_are(pass_.batch->example, pass_.batch->positions);
    if constexpr (spec.pre_norm) final_norm_backward(dlast, shape().layers - 1, final_);
    if constexpr (has_side_net<Plain>()) side_.backward(C(dlast));
    if constexpr (crosses)
      if (into_layers) layers_backward();
    return loss;
  }
  bool trains_words() const {
    return pass_.template trains<Site::lm_head>() ||
           (model_.backbone().tied() && pass_.template trains<Site::word_table>());
  }

  void layers_backward() {
    if constexpr (spec.cross) {
      pass_.source_gradient =
          into_encoder() ? worker.template keep<T>(batch_.tokens, shape().width, "encoder gradient") : V();
      if (into_encoder()) ops::fill(worker, pass_.source_gradient, T(0));
    }
    const V dx =
        stack_.backward(pass_, shape(), stack_.last_gradient(whole_last ? read_batch().tokens : read_batch().sequences),
                        below_ || into_encoder());
    if (below_) decoder_rows_ = embedding_.backward(pass_, dx);
    if constexpr (spec.cross)
      if (into_encoder()) encoder_backward();
    if constexpr (spec.position == nn::Position::disentangled)
      if (below_) distances_.backward(pass_);
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
  ClassifierHead<M> head_;
  P pass_;
  Stack<P> stack_, encoder_;  // the layers whose output is read, and those of an encoder before them
  int first_, encoder_first_;  // lowest layers with a delta
  bool below_;  // is anything trained below the layers?
  Embedding<P> embedding_;
  WordHead<P> words_;
  SideTaps<P, all_rows> side_{pass_, stack_};
  DistanceTable<P> distances_;
  Packed batch_, decoder_batch_;
  std::vector<int> staging_, decoder_staging_;
  std::vector<T> host_;
  std::vector<double> targets_, row_losses_;
  nn::NormKept<V> final_, encoder_final_;
  V decoder_rows_, encoder_rows_;
  std::size_t planned_ = 0;
  std::map<std::string, std::size_t> names_;
};

}  // namespace peft
