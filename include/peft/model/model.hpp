// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <peft/attachment.hpp>
#include <peft/core/rng.hpp>
#include <peft/core/torch_random.hpp>
#include <peft/core/transfer.hpp>
#include <peft/io/checkpoint.hpp>
#include <peft/task/classify.hpp>

namespace peft {

/// A backbone with a method attached and a task on top. Everything trainable is one flat buffer; the backbone is shared and
/// never written.
template <class Backbone_, class Method_, class Task_ = Classify>
class Model {
 public:
  using Backbone = Backbone_;
  using Method = Method_;
  using Task = Task_;
  using T = typename Backbone::Scalar;
  using E = typename Backbone::Space;
  using V = Mat<T, E>;
  using Attached = Attachment<Backbone, Method>;
  using Tensors = typename Attached::Tensors;
  using Head = typename Task::template Params<V>;
  using Buffer = Kokkos::View<T*, typename E::memory_space>;

  /// Tensors begin as their methods say; each draws from (seed, its name).
  Model(std::shared_ptr<const Backbone> backbone, Task task = {}, Method method = {}, std::uint64_t seed = 42)
      : backbone_(std::move(backbone)), task_(task), attached_(*backbone_, method, layout_) {
    static_assert(Task::reads != Reads::words || Backbone::sites.contains(Site::lm_head),
                  "peft::Model: the backbone gives no words: it has no lm_head (LanguageModel needs T5, GPT-2 or Llama)");
    static_assert(Task::reads == Reads::words || !Backbone::spec.causal,
                  "peft::Model: a head on this backbone reads words: use the task LanguageModel");
    if constexpr (Task::reads == Reads::first && !Backbone::Family::dense_in_head)
      require(backbone_->has_pooler(), backbone_->folder(), ": the checkpoint has no pooler; read the mean of all tokens instead");
    head_field_ = layout_.fields().size();
    Fields<T, E> fields(layout_, "");
    Head head;
    task_.declare(fields, head, head_place());
    layout_.finish();
    values_buffer_ = Buffer("peft::values", static_cast<std::size_t>(layout_.size()));
    values_ = attached_.bind(layout_, values_buffer_.data(), layout_.size());
    head_ = bind_head(values_buffer_.data(), layout_.size());
    initialise(seed);
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const Backbone& backbone() const { return *backbone_; }
  std::shared_ptr<const Backbone> shared_backbone() const { return backbone_; }
  const Task& task() const { return task_; }
  const Attached& attached() const { return attached_; }
  Attached& attached() { return attached_; }
  const Layout& layout() const { return layout_; }
  const Tensors& values() const { return values_; }
  Tensors& values() { return values_; }
  const Head& head() const { return head_; }
  Buffer buffer() const { return values_buffer_; }
  bool head_from_checkpoint() const { return head_from_checkpoint_; }

  Head bind_head(T* buffer, std::int64_t length) const {
    Head head;
    Fields<T, E> fields(layout_, head_field_, buffer, length);
    task_.declare(fields, head, head_place());
    return head;
  }

  /// Outputs per row that is read.
  Extent outputs() const {
    if constexpr (Task::reads == Reads::words)
      return backbone_->vocabulary();
    else
      return task_.labels;
  }
  /// Hugging Face's class of the same model; "" when there is none.
  std::string architecture() const {
    const std::string head = task_.architecture();
    return head.empty() ? head : Backbone::Family::architecture + head;
  }
  HeadPlace head_place() const {
    constexpr bool dense = Task::reads == Reads::first && Backbone::Family::dense_in_head;
    return {backbone_->width(), dense ? Backbone::Family::head_out : Backbone::Family::classifier,
            dense ? Backbone::Family::head_dense : ""};
  }

  /// Trainable numbers, the head's included.
  std::int64_t trainable() const { return layout_.trained(); }
  /// Numbers of the backbone and of what was added (weights trained in place counted once).
  std::int64_t total() const {
    std::int64_t n = 0;
    for (const auto& [name, tensor] : backbone_->store().tensors()) n += static_cast<std::int64_t>(tensor.size());
    for (const Field& f : layout_.fields())
      if (f.role == Role::trained && f.init.kind != Init::checkpoint) n += f.size();
    return n;
  }

  /// A host copy of field `f`.
  std::vector<T> read(const Field& f) const {
    return downloaded<E>(values_buffer_.data() + f.offset, static_cast<std::size_t>(f.size()));
  }
  void write(const Field& f, const std::vector<T>& host) {
    require(static_cast<std::int64_t>(host.size()) == f.size(), f.name, ": ", host.size(), " values for (", f.rows, ", ",
            f.cols, ")");
    upload(E{}, values_buffer_.data() + f.offset, host.data(), host.size());
  }
  const Field* find(const std::string& name) const {
    for (const Field& f : layout_.fields())
      if (f.name == name) return &f;
    return nullptr;
  }

 private:
  void initialise(std::uint64_t seed) {
    for (const Field& f : layout_.fields()) {
      if (f.role == Role::derived) continue;
      const auto key = rng::combine(rng::mix(seed), f.name);
      std::vector<T> host(static_cast<std::size_t>(f.size()));
      if (f.init.kind == Init::checkpoint) host = downloaded<E>(backbone_->store().at(f.name).data(), host.size());
      if (f.init.kind == Init::row_norms) host = row_norms_of(f);
      if (f.init.kind == Init::torch) torch_uniform(host, f.init.scale, f.init.seed, f.init.skipped);
      if (f.init.kind == Init::words) host = word_rows_of(f, key);
      for (std::size_t i = 0; i < host.size(); ++i) {
        if (f.init.kind == Init::constant) host[i] = static_cast<T>(f.init.scale);
        if (f.init.kind == Init::uniform) host[i] = static_cast<T>(f.init.scale * (2 * rng::uniform(key, i) - 1));
        if (f.init.kind == Init::normal) host[i] = static_cast<T>(f.init.scale * rng::normal(key, i));
        if (f.init.kind == Init::truncated) host[i] = static_cast<T>(f.init.scale * rng::truncated_normal(key, i));
      }
      write(f, host);
    }
    for_each_delta<typename Attached::Plain>([&](auto i) {
      const auto& delta = attached_.template delta<i>();
      for (const Module& m : attached_.placement(i).modules) {
        const auto give = [&](const std::string& name, const std::vector<T>& values) {
          const Field* f = find(m.path + "." + name);
          require(f != nullptr, m.path, ": the delta has no tensor ", name, " to begin with given values");
          write(*f, values);
        };
        if constexpr (requires { delta.initialise(*backbone_, m, give); }) delta.initialise(*backbone_, m, give);
      }
    });
    take_head();
  }
  std::vector<T> word_rows_of(const Field& f, std::uint64_t key) const {
    const auto table = backbone_->template weights<Site::word_table>(-1).w;
    require(cols(table) == f.cols, f.name, ": rows of ", f.cols, " numbers cannot begin as word embeddings of ", cols(table));
    std::vector<T> all;
    for (Extent i = 0; i < f.rows; ++i) {
      const auto& tokens = f.init.tokens;
      const auto drawn = static_cast<Extent>(rng::uniform(key, static_cast<std::uint64_t>(i)) * rows(table));
      const Extent id = tokens.empty() ? drawn : tokens[static_cast<std::size_t>(i) % tokens.size()];
      require(id >= 0 && id < rows(table), f.name, ": token id ", id, " is outside the backbone's vocabulary of ", rows(table));
      const std::vector<T> row = downloaded<E>(table.data() + static_cast<std::ptrdiff_t>(id) * f.cols, static_cast<std::size_t>(f.cols));
      all.insert(all.end(), row.begin(), row.end());
    }
    return all;
  }
  std::vector<T> row_norms_of(const Field& f) const {
    const auto weight = backbone_->store().at(f.module + ".weight");
    require(rows(weight) == f.cols, f.name, ": as many rows as the weight of ", f.module, " were expected, ", rows(weight));
    const std::vector<T> all = downloaded<E>(weight.data(), weight.size());
    std::vector<T> norms;
    for (Extent i = 0; i < rows(weight); ++i) {
      double sum = 0;
      for (Extent j = 0; j < cols(weight); ++j) sum += std::pow(static_cast<double>(all[static_cast<std::size_t>(i) * cols(weight) + j]), 2);
      norms.push_back(static_cast<T>(std::sqrt(sum)));
    }
    return norms;
  }
  /// The classifier of the checkpoint, when it has one for the same task and of the same shape.
  void take_head() {
    const Checkpoint* file = backbone_->store().checkpoint();
    if (!file) return;
    const auto& classes = backbone_->config().architectures;
    const std::string own = architecture();
    if (!classes.empty() && !own.empty() && std::find(classes.begin(), classes.end(), own) == classes.end()) return;
    std::vector<const Field*> fields;
    for (std::size_t i = head_field_; i < layout_.fields().size(); ++i) {
      const Field& f = layout_.fields()[i];
      const TensorRef* t = file->find(f.name);
      if (!t || t->shape != (f.vector ? std::vector<std::int64_t>{f.cols} : std::vector<std::int64_t>{f.rows, f.cols})) return;
      fields.push_back(&f);
    }
    for (const Field* f : fields) write(*f, file->find(f->name)->template values<T>());
    head_from_checkpoint_ = !fields.empty();
  }

  std::shared_ptr<const Backbone> backbone_;
  Task task_;
  Layout layout_;
  Attached attached_;
  std::size_t head_field_ = 0;
  Buffer values_buffer_;
  Tensors values_;
  Head head_;
  bool head_from_checkpoint_ = false;
};

}  // namespace peft
