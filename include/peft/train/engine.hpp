// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <peft/data/batch.hpp>
#include <peft/model/lane.hpp>
#include <peft/optim/adamw.hpp>
#include <peft/train/groups.hpp>

namespace peft {

/// Runs batches through a model: cuts them into groups, gives the groups to workers, and sums what comes back in the groups'
/// order, so that every number is the same for any number of workers.
template <class M>
class Engine {
 public:
  using T = typename M::T;
  using E = typename M::E;
  using Plain = typename M::Method::Plain;

  /// `workers` 0: one per core on the host, one on a device.
  explicit Engine(M& model, int workers = 0, Grouping grouping = {})
      : model_(model),
        grouping_(grouping),
        total_("peft::total_gradient", static_cast<std::size_t>(model.layout().gradient_size())),
        gradients_(model.attached().bind(model.layout(), total_.data(), model.layout().gradient_size())) {
    if (workers <= 0) workers = on_host<E> ? omp_get_num_procs() : 1;
    if (!on_host<E>) workers = 1;
    for (int i = 0; i < workers; ++i) lanes_.push_back(std::make_unique<Lane<M>>(model));
    once_.space.grow_when_full();
  }

  M& model() { return model_; }
  const M& model() const { return model_; }
  int workers() const { return static_cast<int>(lanes_.size()); }
  const Grouping& grouping() const { return grouping_; }
  typename M::Buffer total() const { return total_; }
  typename M::Tensors& gradients() { return gradients_; }
  /// For what runs once per step, on the whole model.
  Worker<E>& worker() { return once_; }

  /// Makes room for steps on batches of up to `sequences` sequences of up to `longest` tokens, a decoder's up to `decoder_longest`. Returns bytes per worker.
  std::size_t plan(int sequences, int longest, bool training, int decoder_longest = 0) {
    check_length(longest);
    // Lanes add the virtual rows; a group's size counts them.
    const int extra = model_.attached().input_rows(), rows = grouping_.tokens + (longest + decoder_longest + extra) * model_.task().together();
    largest_ = grown(largest_, {rows - extra, std::min(sequences, rows / (1 + extra)), longest, decoder_longest > 0 ? rows : 0, decoder_longest});
    training_ = training_ || training;
    std::size_t bytes = 0;
    for (auto& lane : lanes_) bytes = lane->plan(largest_, training_);
    return bytes;
  }
  const std::map<std::string, std::size_t>& planned_by_name() const { return lanes_.front()->planned_by_name(); }

  /// Derived tensors (`prepare`): call after every change of the values. What a delta samples for a training step, it draws
  /// from the step's `seed`; outside training it takes no sample.
  void prepare(std::uint64_t seed = 0, bool training = false) {
    seed_ = seed;
    sampling_ = training;
    each([&](auto& context, const auto& d, auto& all, auto&) {
      if constexpr (requires { d.prepare(context, all); }) d.prepare(context, all);
    });
    once_.fence();
  }

  void zero_gradients() {
    ops::fill(worker(), Mat<T, E>(total_.data(), 1, static_cast<Extent>(total_.size())), T(0));
  }

  /// What the mean of a batch's loss is taken over, and how many examples it holds.
  std::int64_t counted(const Batch& batch) const { return model_.task().counted(batch); }
  std::int64_t examples(const Batch& batch) const { return batch.sequences() / model_.task().together(); }

  /// Adds the gradient of weight * (sum of losses) of a batch; returns the weighted loss. Dropout is drawn from `seed`.
  double accumulate(const Batch& batch, double weight, std::uint64_t seed, bool training = true) {
    return run_step(batch, weight, seed, training, true);
  }
  /// The same loss, without a gradient.
  double loss(const Batch& batch, double weight, std::uint64_t seed, bool training = true) {
    return run_step(batch, weight, seed, training, false);
  }

  /// After the last `accumulate` of a step: gradients of derived tensors go back to what they were derived from, penalties add.
  void finish_gradients() {
    each([&](auto& context, const auto& d, auto& all, auto& grads) {
      if constexpr (requires { d.finish(context, all, grads); }) d.finish(context, all, grads);
      if constexpr (requires { d.regularise(context, all, grads); }) d.regularise(context, all, grads);
    });
  }
  /// The sum of the penalties whose gradients `finish_gradients` adds, of the deltas that can say it.
  double penalty() {
    double sum = 0;
    each([&](auto& context, const auto& d, auto& all, auto&) {
      if constexpr (requires { d.penalty(context, all); }) sum += d.penalty(context, all);
    });
    return sum;
  }
  void after_step(const StepInfo& info) {
    each([&](auto& context, const auto& d, auto& all, auto& grads) {
      if constexpr (requires { d.after_step(context, all, grads, info); }) d.after_step(context, all, grads, info);
    });
  }
  /// May the values after `step` of `total` be kept as a run's result, by every delta?
  bool settled(std::int64_t step, std::int64_t total) const {
    bool all = true;
    for_each_delta<Plain>([&](auto i) {
      const auto& d = model_.attached().template delta<i>();
      if constexpr (requires { d.settled(step, total); }) all = all && d.settled(step, total);
    });
    return all;
  }
  /// The norm of the gradient of everything trained.
  double gradient_norm() {
    double squares = 0;
    for (const Field& f : model_.layout().fields())
      if (f.role == Role::trained)
        squares += ops::squared_norm<E, T>(worker(), Mat<const T, E>(total_.data() + f.offset, f.rows, f.cols));
    return std::sqrt(squares);
  }

  /// The loss of every sequence of a batch, summed over the targets that count, without dropout and without a step.
  std::vector<double> sequence_losses(const Batch& batch)
    requires(M::Task::reads == Reads::words)
  {
    model_.task().check(batch);
    const std::vector<int> cuts = begin(batch, true);
    std::vector<double> losses(static_cast<std::size_t>(batch.sequences()));
    run(static_cast<int>(cuts.size()) - 1, [&](Lane<M>& lane, int group) {
      lane.losses({sequences(batch, cuts[group], cuts[group + 1]), batch.targets, 1, 0, false, decoder(batch, cuts[group], cuts[group + 1])},
                  std::span(losses).subspan(static_cast<std::size_t>(cuts[group]), static_cast<std::size_t>(cuts[group + 1] - cuts[group])));
    });
    return losses;
  }

  /// Logits (n, outputs), row-major, without dropout: a row per sequence, or per token (of the decoder, where there is one) where
  /// the task reads every row.
  std::vector<T> predict(const Batch& batch) {
    const std::vector<int> cuts = begin(batch, false);
    const std::size_t outputs = model_.outputs();
    const bool each_row = model_.task().read() == Reads::rows || model_.task().read() == Reads::words;
    const auto& offsets = decodes ? batch.decoder_offsets : batch.offsets;
    const auto row = [&](int s) { return static_cast<std::size_t>(each_row ? offsets[s] : s); };
    std::vector<T> logits(row(batch.sequences()) * outputs);
    run(static_cast<int>(cuts.size()) - 1, [&](Lane<M>& lane, int group) {
      GroupStep g{sequences(batch, cuts[group], cuts[group + 1]), {}, 0, 0, false, decoder(batch, cuts[group], cuts[group + 1])};
      const std::size_t from = row(cuts[group]), n = row(cuts[group + 1]) - from;
      lane.predict(g, std::span<T>(logits).subspan(from * outputs, n * outputs));
    });
    return logits;
  }

 private:
  double run_step(const Batch& batch, double weight, std::uint64_t seed, bool training, bool backward) {
    model_.task().check(batch);
    const std::vector<int> cuts = begin(batch, true);
    std::vector<double> losses(cuts.size() - 1, 0);
    std::atomic<int> turn{0};
    run(static_cast<int>(cuts.size()) - 1, [&](Lane<M>& lane, int group) {
      GroupStep g{sequences(batch, cuts[group], cuts[group + 1]), batch.targets, weight, seed, training,
                  decoder(batch, cuts[group], cuts[group + 1]), backward};
      losses[group] = lane.step(g, gradients_, [&](auto&& tables) {
        // Sums in the order of the groups, whoever finishes first.
        while (turn.load(std::memory_order_acquire) != group && !failed_.load(std::memory_order_relaxed)) std::this_thread::yield();
        if (failed_.load(std::memory_order_relaxed)) return;
        add(lane);
        tables();
        turn.store(group + 1, std::memory_order_release);
      });
    });
    double loss = 0;
    for (const double l : losses) loss += l;
    return loss;
  }

  static GroupShape grown(GroupShape a, GroupShape b) {
    return {std::max(a.tokens, b.tokens), std::max(a.sequences, b.sequences), std::max(a.longest, b.longest),
            std::max(a.decoder_tokens, b.decoder_tokens), std::max(a.decoder_longest, b.decoder_longest)};
  }
  static constexpr bool decodes = M::Backbone::spec.cross;
  static Sequences decoder(const Batch& b, int begin, int end) {
    if (!decodes) return {};
    return {b.decoder_offsets, b.decoder_ids, {}, b.examples, begin, end};
  }
  static Sequences sequences(const Batch& b, int begin, int end) { return {b.offsets, b.ids, b.types, b.examples, begin, end, b.slots}; }

  /// Virtual tokens take positions, before the text's own.
  void check_length(int longest) const {
    const int room = model_.backbone().longest();
    const int extra = model_.attached().input_rows() + model_.attached().prefix_rows(model_.values());
    require(longest + extra <= room, "a sequence of ", longest, " tokens", extra ? cat(" and ", extra, " virtual ones") : std::string(),
            " is longer than the backbone's ", room, " positions; truncate with a smaller max_length");
  }

  /// Checks a batch against the backbone, cuts it, and makes room when it is larger than any before.
  std::vector<int> begin(const Batch& batch, bool training) {
    const auto& backbone = model_.backbone();
    const int together = model_.task().together();
    require(batch.sequences() > 0, "a batch without sequences");
    require(batch.sequences() % together == 0, "a batch of ", batch.sequences(), " sequences; each ", together, " are one example");
    const int added = model_.attached().input_rows();
    check_length(batch.longest());
    for (std::size_t i = 0; i < batch.ids.size(); ++i)
      if (batch.ids[i] < 0 || batch.ids[i] >= backbone.vocabulary())
        fail("token id ", batch.ids[i], " is outside the backbone's vocabulary of ", backbone.vocabulary(),
             "; does the tokenizer belong to this model?");
      else if (batch.types[i] < 0 || (backbone.types() > 0 && batch.types[i] >= backbone.types()))
        fail("segment type ", batch.types[i], " of a backbone with ", backbone.types(), " types");
    if constexpr (decodes) {
      require(batch.decoder_offsets.size() == batch.offsets.size(), "a batch of ", batch.sequences(), " sequences has ",
              batch.decoder_offsets.size() - 1, " for the decoder; this backbone wants one each");
      for (const std::int32_t id : batch.decoder_ids)
        require(id >= 0 && id < backbone.vocabulary(), "the decoder's token id ", id, " is outside the backbone's vocabulary of ", backbone.vocabulary());
    }
    if constexpr (M::Task::reads == Reads::words)
      for (const double target : batch.targets)
        require(target < backbone.vocabulary(), "the target ", target, " is outside the backbone's vocabulary of ", backbone.vocabulary());
    require(batch.slots.empty() || batch.slots.size() == batch.ids.size(), "a batch of ", batch.ids.size(), " tokens and ",
            batch.slots.size(), " slots of special tokens");
    if constexpr (acts_on_special_tokens<Plain>())
      require(std::any_of(batch.slots.begin(), batch.slots.end(), [](int slot) { return slot >= 0; }),
              "the method acts on special tokens, and none are marked in a batch: take it from a tokenizer, or fill Batch::slots");
    // Rows of both sides count.
    std::vector<std::int32_t> offsets = batch.offsets;
    if (decodes)
      for (std::size_t s = 0; s < offsets.size(); ++s) offsets[s] += batch.decoder_offsets[s];
    std::vector<int> cuts = cut_groups(offsets, grouping_, added, together);
    GroupShape need;
    for (std::size_t c = 1; c < cuts.size(); ++c) {
      GroupShape g{0, cuts[c] - cuts[c - 1], 0};
      for (int s = cuts[c - 1]; s < cuts[c]; ++s) {
        const int n = batch.offsets[s + 1] - batch.offsets[s];
        require(n > 0, "sequence ", s, " of a batch is empty");
        g.tokens += n;
        g.longest = std::max(g.longest, n);
        if constexpr (decodes) {
          const int m = batch.decoder_offsets[s + 1] - batch.decoder_offsets[s];
          require(m > 0, "sequence ", s, " of a batch has nothing for the decoder");
          g.decoder_tokens += m;
          g.decoder_longest = std::max(g.decoder_longest, m);
        }
      }
      need = grown(need, g);
    }
    if (grown(need, largest_) != largest_ || (training && !training_)) {
      largest_ = grown(need, largest_);
      training_ = training_ || training;
      for (auto& lane : lanes_) lane->plan(largest_, training_);
    }
    return cuts;
  }

  /// f(lane, group) for every group, groups taken in order by whoever is free. The first exception is thrown again here.
  template <class F>
  void run(int groups, F&& f) {
    std::atomic<int> next{0};
    std::exception_ptr error;
    std::mutex guard;
    failed_ = false;
    const int n = std::min<int>(workers(), groups);
    // An OpenMP region, not threads of our own: these would inherit the main thread's core under OMP_PROC_BIND.
#pragma omp parallel num_threads(n) if (n > 1)
    {
      Lane<M>& lane = *lanes_[static_cast<std::size_t>(omp_get_thread_num())];
      for (int group; !failed_ && (group = next++) < groups;) {
        try {
          f(lane, group);
        } catch (...) {
          const std::lock_guard lock(guard);
          if (!error) error = std::current_exception();
          failed_ = true;
        }
      }
    }
    if (error) std::rethrow_exception(error);
  }

  /// total += the lane's accumulator: the dense trained tensors and the derived ones lie at the same offsets in both.
  void add(Lane<M>& lane) {
    const Extent n = static_cast<Extent>(lane.accumulator().size());
    ops::add<E, T>(lane.worker, Mat<T, E>(total_.data(), 1, n), Mat<const T, E>(lane.accumulator().data(), 1, n));
    lane.worker.fence();
  }

  template <class F>
  void each(F&& f) {
    for_each_delta<Plain>([&](auto i) {
      once_.space.clear();
      Context<T, E> context{once_};
      context.seed = seed_;
      context.training = sampling_;
      context.frozen = model_.attached().frozen(i).data();
      f(context, model_.attached().template delta<i>(), std::get<i>(model_.values().all), std::get<i>(gradients_.all));
    });
  }

  M& model_;
  Grouping grouping_;
  typename M::Buffer total_;
  typename M::Tensors gradients_;
  std::vector<std::unique_ptr<Lane<M>>> lanes_;
  Worker<E> once_;
  GroupShape largest_;
  std::uint64_t seed_ = 0;
  bool sampling_ = false;
  bool training_ = false;
  std::atomic<bool> failed_{false};
};

}  // namespace peft
