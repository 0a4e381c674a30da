// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <peft/io/atomic_file.hpp>
#include <peft/io/json.hpp>
#include <peft/io/safetensors_write.hpp>
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

/// The transpose (cols, rows) of a matrix (rows, cols).
inline std::vector<float> transposed(const std::vector<float>& from, std::int64_t rows, std::int64_t cols) {
  std::vector<float> to(from.size());
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < cols; ++j) to[static_cast<std::size_t>(j * rows + i)] = from[static_cast<std::size_t>(i * cols + j)];
  return to;
}

/// Writes a plain Hugging Face folder: merged weights and head, config.json, and the tokenizer's files.
template <class M>
void export_checkpoint(const M& model, const std::filesystem::path& folder, const std::vector<std::string>& labels) {
  namespace fs = std::filesystem;
  const fs::path source = model.backbone().folder();
  std::error_code absent;
  require(!fs::equivalent(source, folder, absent), "cannot export into ", folder, ": it holds the backbone itself; give another folder");
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
  std::vector<NamedTensor> list;
  for (const auto& [name, t] : tensors) list.push_back(named(t));
  fs::create_directories(folder);
  write_safetensors(folder / "model.safetensors", list);

  auto config = parse_json_file(source / "config.json");
  config["architectures"] = {architecture};
  config.erase("dtype");
  config["torch_dtype"] = "float32";
  auto own = model.backbone().config();  // layers may have been left out
  for (const auto& stack : M::Backbone::Family::layer_counts(own)) config[stack.name] = *stack.count;
  if (auto types = config.find("layer_types"); types != config.end() && types->is_array())
    types->get_ref<nlohmann::json::array_t&>().resize(static_cast<std::size_t>(model.backbone().layers()));
  config.erase("num_labels");
  config["id2label"] = nlohmann::json::object();
  config["label2id"] = nlohmann::json::object();
  for (Extent i = 0; i < model.task().labels; ++i) {
    const std::string label = static_cast<std::size_t>(i) < labels.size() ? labels[i] : cat("LABEL_", i);
    config["id2label"][std::to_string(i)] = label;
    config["label2id"][label] = i;
  }
  config.erase("problem_type");
  if (architecture.ends_with("ForSequenceClassification"))
    config["problem_type"] = model.task().regression() ? "regression" : "single_label_classification";
  write_file(folder / "config.json", config.dump(2) + "\n");
  for (const char* file : {"tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json", "spiece.model",
                           "spm.model", "vocab.json", "merges.txt", "generation_config.json"})
    if (fs::exists(source / file)) fs::copy_file(source / file, folder / file, fs::copy_options::overwrite_existing);
}

}  // namespace peft
