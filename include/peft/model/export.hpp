// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/io/tensor_ref.hpp>
#include <peft/model/peft_files.hpp>

namespace peft {

/// The delta can add what it does to its site's weight; and to its bias, where it has `merge_bias(c, p, b)`.
template <class D, class T, class E>
concept MergesIntoWeight = requires(const D d, Context<T, E>& c, const typename D::template Params<Mat<T, E>>& p, Mat<T, E> W) { d.merge(c, p, W); };

/// The backbone's weights with everything merged that can be: LoRA's products added, trained tensors in place of frozen ones.
/// Fails for a method whose change is no change of weights.
template <class M>
std::map<std::string, std::vector<float>> merged_weights(const M& model) {
  using Plain = typename M::Attached::Plain;
  using T = typename M::T;
  using E = typename M::E;
  std::map<std::string, std::vector<float>> changed;
  for_each_delta<Plain>([&](auto i) {
    using D = typename Plain::template type<i>;
    const D& delta = model.attached().template delta<i>();
    const auto& modules = model.attached().placement(i).modules;
    for (std::size_t k = 0; k < modules.size(); ++k) {
      const auto& p = std::get<i>(model.values().all).modules[k];
      const std::string weight = modules[k].path + ".weight", bias = modules[k].path + ".bias";
      if constexpr (D::route == Route::weight) {
        const auto used = delta.weights(p, Weights<Mat<const T, E>>{});
        if (!empty(used.w) && changed.count(weight)) fail("merge: two deltas on ", modules[k].path, "; merge one after the other");
        if (!empty(used.w)) changed[weight] = to_host(used.w);
        if (!empty(used.b)) changed[bias] = to_host(used.b);
      } else if constexpr (MergesIntoWeight<D, T, E>) {
        const auto& frozen = model.backbone().store().at(weight);
        Worker<E> w = small_worker<T, E>(frozen.extent(0), frozen.extent(1));
        Context<T, E> c{w};
        typename M::Buffer block("peft::merged", frozen.size());
        const Mat<T, E> sum(block.data(), rows(frozen), cols(frozen));
        ops::copy(w, sum, frozen);
        if (changed.count(weight))
          fail("merge: two deltas on ", modules[k].path, "; merge one after the other");
        delta.merge(c, p, sum);
        w.fence();
        changed[weight] = to_host(sum);
        if constexpr (requires { delta.merge_bias(c, p, sum); }) {
          if (!modules[k].bias) continue;
          const auto& own = model.backbone().store().at(bias);
          typename M::Buffer row("peft::merged", own.size());
          const Mat<T, E> scaled(row.data(), rows(own), cols(own));
          ops::copy(w, scaled, own);
          delta.merge_bias(c, p, scaled);
          w.fence();
          changed[bias] = to_host(scaled);
        }
      } else {
        fail("merge: the delta on ", modules[k].path, " is no change of its weight and cannot be merged; save the delta instead");
      }
    }
  });
  return changed;
}

/// What an exported folder's config.json says in place of its source's.
struct ExportedConfig {
  std::string architecture, problem_type;                // no problem_type: none is written
  std::vector<std::pair<std::string, int>> layer_counts;  // layers may have been left out
  std::size_t layers = 0;
  std::vector<std::string> labels;
};

/// The transpose (cols, rows) of a matrix (rows, cols).
std::vector<float> transposed(const std::vector<float>& from, std::int64_t rows, std::int64_t cols);

namespace model_export {

/// Refuses to write over the backbone.
void check_folder(const std::filesystem::path& source, const std::filesystem::path& folder);

/// model.safetensors, config.json made of the source's, and copies of the tokenizer's files.
void write(const std::filesystem::path& source, const std::filesystem::path& folder,
           const std::map<std::string, HostTensor>& tensors, const ExportedConfig& exported);

}  // namespace model_export

/// Writes a plain Hugging Face folder: merged weights and head, config.json, and the tokenizer's files.
template <class M>
void export_checkpoint(const M& model, const std::filesystem::path& folder, const std::vector<std::string>& labels) {
  const std::filesystem::path source = model.backbone().folder();
  model_export::check_folder(source, folder);
  const std::string architecture = model.architecture();
  require(!architecture.empty(), "cannot export: Hugging Face has no classifier on the mean of all tokens; train one on the first");
  const auto changed = merged_weights(model);
  std::map<std::string, HostTensor> tensors;
  for (const auto& [name, view] : model.backbone().store().tensors()) {
    const auto found = changed.find(name);
    const std::int64_t rows = static_cast<std::int64_t>(view.extent(0)), cols = static_cast<std::int64_t>(view.extent(1));
    std::vector<float> values = found == changed.end() ? to_host(view) : found->second;
    if (model.backbone().store().transposed(name)) {
      tensors[name] = {name, {cols, rows}, transposed(values, rows, cols)};
    } else {
      const bool vector = rows == 1 && model.backbone().store().vector(name);
      tensors[name] = {name, vector ? std::vector<std::int64_t>{cols} : std::vector<std::int64_t>{rows, cols}, std::move(values)};
    }
  }
  for (HostTensor& t : head_tensors(model)) tensors[t.name] = std::move(t);
  ExportedConfig exported;
  exported.architecture = architecture;
  auto own = model.backbone().config();
  for (const auto& stack : M::Backbone::Family::layer_counts(own)) exported.layer_counts.emplace_back(stack.name, *stack.count);
  exported.layers = static_cast<std::size_t>(model.backbone().layers());
  for (Extent i = 0; i < model.task().labels; ++i)
    exported.labels.push_back(static_cast<std::size_t>(i) < labels.size() ? labels[i] : cat("LABEL_", i));
  if (architecture.ends_with("ForSequenceClassification"))
    exported.problem_type = model.task().regression() ? "regression" : "single_label_classification";
  model_export::write(source, folder, tensors, exported);
}

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/model/export.ipp>
#endif
