// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/io/config/model_type.hpp>
#include <peft/model/adapter.hpp>

namespace peft {

/// A backbone, a task on top, and the adapters that are attached to it, of which each group of sequences runs with one.
/// Nothing is copied when one is attached; the backbone is shared and never written. What is said of a model's tensors
/// without a number is said of its first adapter.
template <class Backbone_, class Method_, class Task_ = Classify>
class Model {
 public:
  using Backbone = Backbone_;
  using Method = typename MethodOn<Method_, Backbone_>::type;  // as the backbone has it
  using Task = Task_;
  using Adapter = AdapterFor<Backbone, Method, Task>;
  using T = typename Adapter::T;
  using E = typename Adapter::E;
  using V = typename Adapter::V;
  using Attached = typename Adapter::Attached;
  using Tensors = typename Adapter::Tensors;
  using Head = typename Adapter::Head;
  using Buffer = typename Adapter::Buffer;

  /// With an adapter that it makes itself (see AdapterFor), in the order of the type's arguments.
  Model(std::shared_ptr<const Backbone> backbone, Method_ method = {}, Task task = {}, std::uint64_t seed = 42,
        const std::function<void(const Layout&)>& before = {})
      : backbone_(std::move(backbone)),
        task_(task),
        adapters_{
            std::make_shared<Adapter>(*backbone_, MethodOn<Method_, Backbone>::from(method), task, seed, before)} {}
  /// With an adapter that is there.
  template <std::same_as<Adapter> A>  // `{}` stands for a task
  Model(std::shared_ptr<const Backbone> backbone, std::shared_ptr<A> adapter)
      : backbone_(std::move(backbone)), task_(adapter->task()) {
    attach(std::move(adapter));
  }
  /// The task where the method belongs: refused in words.
  template <std::convertible_to<Task> Given = Task>
  Model(std::shared_ptr<const Backbone> backbone, Given task, Method_ method = {}, std::uint64_t seed = 42,
        const std::function<void(const Layout&)>& before = {})
      : Model(std::move(backbone), std::move(method), Task(std::move(task)), seed, before) {
    static_assert(!std::convertible_to<Given, Task>,
                  "peft::Model: the method comes before the task, as in the type: Model(backbone, method, task); {} "
                  "stands for a method as it begins");
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// One more adapter; returns its number: 0, 1, .. Throws Error where it does not fit the backbone, or its head gives
  /// other outputs.
  int attach(std::shared_ptr<Adapter> adapter) {
    adapter->require_fits(*backbone_);
    if constexpr (Task::reads != Reads::words)
      require(adapter->task().labels == task_.labels, "an adapter whose head has ", adapter->task().labels,
              " outputs on a model with ", task_.labels);
    adapters_.push_back(std::move(adapter));
    return static_cast<int>(adapters_.size()) - 1;
  }
  int adapters() const { return static_cast<int>(adapters_.size()); }
  const Adapter& adapter(int number = 0) const { return *numbered(number); }
  Adapter& adapter(int number = 0) { return *numbered(number); }
  std::shared_ptr<Adapter> shared_adapter(int number = 0) const { return numbered(number); }

  const Backbone& backbone() const { return *backbone_; }
  std::shared_ptr<const Backbone> shared_backbone() const { return backbone_; }
  const Task& task() const { return task_; }

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
    const std::string_view type = class_of_type(backbone_->config().model_type);
    return head.empty() ? head : (type.empty() ? Backbone::Family::architecture : std::string(type)) + head;
  }
  /// Numbers of the backbone and of what was added (weights trained in place counted once).
  std::int64_t total() const {
    std::int64_t n = 0;
    for (const auto& [name, tensor] : backbone_->store().tensors()) n += static_cast<std::int64_t>(tensor.size());
    for (const Field& f : layout().fields())
      if (f.role == Role::trained && f.init.kind != Init::checkpoint) n += f.size();
    return n;
  }

  // Of the first adapter.
  const Attached& attached() const { return adapter().attached(); }
  Attached& attached() { return adapter().attached(); }
  const Layout& layout() const { return adapter().layout(); }
  const Tensors& values() const { return adapter().values(); }
  Tensors& values() { return adapter().values(); }
  const Head& head() const { return adapter().head(); }
  Buffer buffer() const { return adapter().buffer(); }
  const Origin& origin() const { return adapter().origin(); }
  bool head_from_checkpoint() const { return adapter().head_from_checkpoint(); }
  bool fresh_pooler() const { return adapter().fresh_pooler(); }
  std::int64_t trainable() const { return adapter().trainable(); }
  std::vector<T> read(const Field& f) const { return adapter().read(f); }
  void write(const Field& f, const std::vector<T>& host) { adapter().write(f, host); }
  const Field* find(const std::string& name) const { return adapter().find(name); }

 private:
  const std::shared_ptr<Adapter>& numbered(int number) const {
    require(number >= 0 && number < adapters(), "adapter ", number, " of a model with ", adapters());
    return adapters_[static_cast<std::size_t>(number)];
  }

  std::shared_ptr<const Backbone> backbone_;
  Task task_;
  std::vector<std::shared_ptr<Adapter>> adapters_;
};

/// `Model model(backbone, method, Classify{.labels = 3})`, the method perhaps one delta: `LoRA<8>{.alpha = 32}`.
template <class B, class M, class Task = Classify>
  requires requires { typename M::Plain; }
Model(std::shared_ptr<const B>, M, Task = {}, std::uint64_t = 0) -> Model<B, M, Task>;
template <class B, class D, class Task = Classify>
  requires requires { typename AsPart<D>::type; }
Model(std::shared_ptr<const B>, D, Task = {},
      std::uint64_t = 0) -> Model<B, peft::Method<typename AsPart<D>::type>, Task>;

}  // namespace peft
