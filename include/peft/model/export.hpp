// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/core/interrupt.hpp>
#include <peft/io/mapped_region.hpp>
#include <peft/io/tensor_ref.hpp>
#include <peft/model/peft_files.hpp>
#include <peft/model/tensor_store.hpp>
#include <peft/ops/stored.hpp>

namespace peft {

/// The delta can add what it does to its site's weight; and to its bias, where it has `merge_bias(c, p, b)`.
template <class D, class T, class E>
concept MergesIntoWeight = requires(const D d, Context<T, E>& c, const typename D::template Params<Mat<T, E>>& p,
                                    Mat<T, E> W) { d.merge(c, p, W); };

namespace model_export {

/// Tensors that a merge has changed, by name.
using Changed = std::map<std::string, std::vector<float>>;

/// Adds a module's tensor (`name`: "weight", "bias"); refuses a second one.
void add_tensor(Changed& changed, const std::string& path, const char* name, std::vector<float> values);

/// The numbers of a frozen tensor after `change` has worked on a copy of it.
template <class T, ExecutionSpace E>
std::vector<float> changed_copy(Worker<E>& w, const Weight<T, E>& frozen,
                                const std::function<void(const Mat<T, E>&)>& change) {
  const auto block = allocated<Kokkos::View<T*, typename E::memory_space>>("peft::merged", frozen.size());
  const Mat<T, E> copy(block.data(), rows(frozen), cols(frozen));
  ops::decode(w, copy, frozen);
  change(copy);
  w.fence();
  return to_host(copy);
}

/// Merges one delta into the weights of its modules. Compiled once for a delta, not for every model.
template <class D, class T, ExecutionSpace E, class Params>
void merge(const D& delta, const std::vector<Module>& modules, const std::vector<Params>& values,
           const TensorStore<T, E>& store, Changed& changed) {
  for (std::size_t k = 0; k < modules.size(); ++k) {
    const std::string& path = modules[k].path;
    const Params& p = values[k];
    if constexpr (D::route == Route::weight) {
      const auto used = delta.weights(p, Weights<Mat<const T, E>>{});
      if (!empty(used.w)) add_tensor(changed, path, "weight", to_host(used.w));
      if (!empty(used.b)) add_tensor(changed, path, "bias", to_host(used.b));
    } else if constexpr (MergesIntoWeight<D, T, E>) {
      const auto& frozen = store.at(path + ".weight");
      Worker<E> w = small_worker<T, E>(rows(frozen), cols(frozen));
      Context<T, E> c{w};
      add_tensor(changed, path, "weight",
                 changed_copy<T, E>(w, frozen, [&](const Mat<T, E>& sum) { delta.merge(c, p, sum); }));
      if constexpr (requires(Mat<T, E> row) { delta.merge_bias(c, p, row); })
        if (modules[k].bias)
          add_tensor(changed, path, "bias", changed_copy<T, E>(w, store.at(path + ".bias"), [&](const Mat<T, E>& row) {
                       delta.merge_bias(c, p, row);
                     }));
    } else {
      fail("merge: the delta on ", path, " is no change of its weight and cannot be merged; save the delta instead");
    }
  }
}

}  // namespace model_export

/// The backbone's weights with everything merged that can be: LoRA's products added, trained tensors in place of frozen
/// ones. Fails for a method whose change is no change of weights.
template <class M>
std::map<std::string, std::vector<float>> merged_weights(const M& model) {
  model_export::Changed changed;
  for_each_delta<typename M::Attached::Plain>([&](auto i) {
    model_export::merge(model.attached().template delta<i>(), model.attached().placement(i).modules,
                        std::get<i>(model.values().all).modules, model.backbone().store(), changed);
  });
  return changed;
}

/// What an exported folder's config.json says in place of its source's.
struct ExportedConfig {
  std::string architecture, problem_type;  // no problem_type: none is written
  std::vector<std::pair<std::string, int>> layer_counts;  // layers may have been left out
  std::size_t layers = 0;
  std::vector<std::string> labels;
};

namespace model_export {

/// Refuses to write over the backbone, and a task that Hugging Face has no class for.
void check(const std::filesystem::path& source, const std::filesystem::path& folder, const std::string& architecture);

/// A tensor of (rows, cols) as the backbone's files have it: perhaps transposed, or, of one row, as a vector.
HostTensor as_stored(const std::string& name, std::int64_t rows, std::int64_t cols, bool transposed, bool vector,
                     std::vector<float> values);

/// The backbone's tensors as its files have them, those in `changed` in place of its own.
template <class T, ExecutionSpace E>
std::map<std::string, HostTensor> stored_tensors(const TensorStore<T, E>& store, Changed changed) {
  std::map<std::string, HostTensor> tensors;
  for (const auto& [name, view] : store.tensors()) {
    Interrupt::check();
    const auto found = changed.find(name);
    const bool transposed = store.transposed(name);
    tensors[name] =
        as_stored(name, rows(view), cols(view), transposed, !transposed && rows(view) == 1 && store.vector(name),
                  found == changed.end() ? to_host(view) : std::move(found->second));
  }
  return tensors;
}

template <class Backbone>
std::vector<std::pair<std::string, int>> layer_counts(const Backbone& backbone) {
  auto config = backbone.config();
  std::vector<std::pair<std::string, int>> counts;
  for (const auto& stack : Backbone::Family::layer_counts(config)) counts.emplace_back(stack.name, *stack.count);
  return counts;
}

/// config.json of a model with `outputs`; those without a label are numbered.
ExportedConfig config(const std::string& architecture, std::size_t outputs, bool regression,
                      const std::vector<std::string>& labels);

/// model.safetensors, config.json made of the source's, and copies of the tokenizer's files, put in place together.
void write(const std::filesystem::path& source, const std::filesystem::path& folder,
           const std::map<std::string, HostTensor>& tensors, const ExportedConfig& exported);

}  // namespace model_export

/// Writes a plain Hugging Face folder: merged weights and head, config.json, and the tokenizer's files.
template <class M>
void export_checkpoint(const M& model, const std::filesystem::path& folder, const std::vector<std::string>& labels) {
  const auto& backbone = model.backbone();
  const std::string architecture = model.architecture();
  model_export::check(backbone.folder(), folder, architecture);
  auto tensors = model_export::stored_tensors(backbone.store(), merged_weights(model));
  for (HostTensor& t : head_tensors(model)) tensors[t.name] = std::move(t);
  require_unchanged("; nothing is exported of it");  // all numbers are copies by now
  ExportedConfig exported = model_export::config(architecture, static_cast<std::size_t>(model.task().labels),
                                                 model.task().regression(), labels);
  exported.layer_counts = model_export::layer_counts(backbone);
  exported.layers = static_cast<std::size_t>(backbone.layers());
  model_export::write(backbone.folder(), folder, tensors, exported);
}

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/model/export.ipp>
#endif
