// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include <peft/model/body.hpp>
#include <peft/model/classifier_head.hpp>
#include <peft/model/group.hpp>
#include <peft/model/model.hpp>
#include <peft/model/word_head.hpp>
#include <peft/ops/once.hpp>
#include <peft/ops/ragged.hpp>

namespace peft {

/// One worker's own side of a model and one of its adapters: the gradient accumulator, and the way of a group of
/// sequences through all layers, forward and backward (depth first: activations stay in its cache, and memory does not grow with
/// the batch).
template <class M>
class Lane {
 public:
  using Backbone = typename M::Backbone;
  using Task = typename M::Task;
  using Adapter = typename M::Adapter;
  using T = typename M::T;
  using E = typename M::E;
  using V = Mat<T, E>;
  using C = Mat<const T, E>;
  using P = Pass<Backbone, typename M::Method>;
  using Plain = typename P::Plain;
  static constexpr nn::Spec spec = Backbone::spec;
  static constexpr bool crosses = P::crosses;

  /// A way for the model's first adapter.
  explicit Lane(const M& model) : Lane(model, model.adapter(), std::make_shared<Worker<E>>()) {}
  /// Ways of one worker for several adapters share its memory: what one has left there is void once another runs.
  Lane(const M& model, const Adapter& adapter, std::shared_ptr<Worker<E>> shared)
      : worker(*shared),
        own_(std::move(shared)),
        model_(model),
        adapter_(adapter),
        accumulator_("peft::gradients", static_cast<std::size_t>(adapter.layout().group_size())),
        gradients_(adapter.attached().bind(adapter.layout(), accumulator_.data(), adapter.layout().group_size())),
        head_(adapter, accumulator_.data(), adapter.layout().group_size()),
        pass_(worker, model.backbone(), adapter.attached(), adapter.values(), &gradients_),
        body_(model.backbone().shape()) {}
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  Worker<E>& worker;

  const typename M::Buffer& accumulator() const { return accumulator_; }

  /// Makes room for groups up to `shape` by running one with the ops switched off. Returns the bytes planned.
  std::size_t plan(const GroupShape& shape, bool training) {
    worker.space.count();
    run_empty(shape, training);
    const std::size_t bytes = worker.space.peak();
    names_ = worker.space.by_name();
    worker.space.reserve(bytes);  // never less than before
    return bytes;
  }
  const std::map<std::string, std::size_t>& planned_by_name() const { return names_; }
  /// The room that groups up to `shape` need, and what they write to where there is more; takes no memory.
  std::pair<std::size_t, std::size_t> foresee(const GroupShape& shape, bool training) {
    worker.space.count();
    run_empty(shape, training);
    const std::pair sizes(worker.space.peak(), worker.space.spread());
    worker.space.reserve(0);
    return sizes;
  }

  /// Forward and backward (only where `g` wants it) of one group; returns its loss. Gradients are in `accumulator()`,
  /// except those of embedding tables, which `add_tables` adds to the step's.
  double step(const GroupStep& g) {
    ops::fill(worker, flat<E>(accumulator_.data(), static_cast<std::int64_t>(accumulator_.size())), T(0));
    const double loss = backward(g, forward(g, true));
    worker.fence();
    return loss;
  }
  /// Adds to the step's gradients those of embedding tables, which no accumulator holds.
  void add_tables(typename M::Tensors& tables) {
    body_.add_tables(pass_, read_batch(), tables);
    worker.fence();
  }
  /// The next groups' states are recorded, or replayed to side nets in place of running the layers; nullptr ends either.
  /// Only beside a backbone that no gradient crosses.
  void record(States<T>* states)
    requires(!crosses)
  {
    body_.side.record = states;
  }
  void replay(const States<T>* states)
    requires(!crosses)
  {
    body_.replay = states;
  }

  /// The losses of a group's sequences, summed over their rows, without dropout.
  void losses(const GroupStep& g, std::span<double> out)
    requires(Task::reads == Reads::words)
  {
    const V hidden = forward(g, false);
    const Extent added = added_rows();
    targets_of_rows(g, added, targets_);
    words_.loss(pass_.at(-1, read_batch()), hidden, targets_, g.weight, V(), &row_losses_);
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
      words_.logits(pass_.at(-1, read_batch()), out, all);
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
  static constexpr bool all_rows = Task::reads != Reads::first;
  static constexpr bool reads_words = Task::reads == Reads::words;
  /// Rows of an input delta before each sequence that the task reads: of an encoder-decoder they stand before the
  /// encoder's.
  Extent added_rows() const { return spec.cross ? 0 : adapter_.attached().input_rows(); }
  Packed& read_batch() { return spec.cross ? decoder_batch_ : batch_; }

  /// The last layer's output: of the rows that are read, words and all rows alike; else the head's logits.
  V forward(const GroupStep& g, bool backward_comes) {
    worker.space.clear();
    pass_.begin(g.training && backward_comes, g.seed);
    pack_group(g);
    const Purpose purpose{backward_comes};
    if constexpr (spec.cross) body_.encode(pass_, batch_, purpose);
    V x = body_.forward(pass_, read_batch(), purpose);
    x = body_.finish(pass_, read_batch(), x, purpose);
    if constexpr (reads_words)
      return x;
    else
      return head_.forward(pass_.at(-1, read_batch()), x, backward_comes);
  }

  void pack_group(const GroupStep& g) {
    const auto& attached = adapter_.attached();
    const Extent added = attached.input_rows(), prefix = attached.prefix_rows(adapter_.values());
    batch_ =
        pack(worker, g.sequences, added, prefix, staging_, body_.distances_met(pass_, g.sequences.longest() + added));
    if constexpr (spec.cross) decoder_batch_ = pack(worker, g.decoder, 0, prefix, decoder_staging_);
  }

  double backward(const GroupStep& g, V out) {
    const auto call = pass_.at(-1, read_batch());
    const bool into_layers = pass_.into_layers(), below = into_layers || has_side_net<Plain>();
    V dlast = body_.start_backward(pass_, read_batch());
    double loss = 0;
    if constexpr (reads_words) {
      if (!worker.planning()) targets_of_rows(g, added_rows(), targets_);
      loss = words_.loss(call, C(out), targets_, g.weight, g.backward && (below || trains_words()) ? dlast : V());
    } else {
      loss = head_.backward(call, g, out, dlast, into_layers);
    }
    if (g.backward && below) body_.backward(pass_, read_batch(), dlast);
    return loss;
  }
  bool trains_words() {
    const auto call = pass_.at(-1, read_batch());
    return call.template trains<Site::lm_head>() ||
           (model_.backbone().tied() && call.template trains<Site::word_table>());
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

  std::shared_ptr<Worker<E>> own_;
  const M& model_;
  const Adapter& adapter_;
  typename M::Buffer accumulator_;
  typename M::Tensors gradients_;
  ClassifierHead<M> head_;
  P pass_;
  Body<P, all_rows> body_;
  WordHead<typename P::Call> words_;
  Packed batch_, decoder_batch_;
  std::vector<int> staging_, decoder_staging_;
  std::vector<T> host_;
  std::vector<double> targets_, row_losses_;
  std::map<std::string, std::size_t> names_;
};

}  // namespace peft
