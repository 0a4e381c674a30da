// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include <peft/io/atomic_file.hpp>
#include <peft/io/delta_file.hpp>
#include <peft/io/peft_format.hpp>
#include <peft/model/model.hpp>

namespace peft {

/// A host copy of a tensor, as float.
template <Matrix V>
std::vector<float> to_host(const V& v) {
  using T = typename V::non_const_value_type;
  const std::vector<T> raw = downloaded<typename V::execution_space>(static_cast<const T*>(v.data()), v.size());
  return std::vector<float>(raw.begin(), raw.end());
}

/// Every trained tensor of a model, head included, under its own name and shape.
template <class M>
std::vector<HostTensor> trained_tensors(const M& model) {
  std::vector<HostTensor> out;
  for (const Field& f : model.layout().fields())
    if (f.role == Role::trained) {
      const auto values = model.read(f);
      out.push_back({f.name, f.vector ? std::vector<std::int64_t>{f.cols} : std::vector<std::int64_t>{f.rows, f.cols},
                     std::vector<float>(values.begin(), values.end())});
    }
  return out;
}

/// Puts saved tensors back: every trained tensor must be there with its shape, and nothing else.
template <class M>
void restore_tensors(M& model, const std::vector<HostTensor>& tensors, const std::string& source) {
  std::map<std::string, const HostTensor*> by_name;
  for (const HostTensor& t : tensors) by_name[t.name] = &t;
  for (const Field& f : model.layout().fields()) {
    if (f.role != Role::trained) continue;
    const auto found = by_name.find(f.name);
    if (found == by_name.end()) fail(source, ": the tensor ", f.name, " is missing; was the delta saved with other options?");
    const HostTensor& t = *found->second;
    const bool fits = f.vector ? t.shape == std::vector<std::int64_t>{f.cols} : t.shape == std::vector<std::int64_t>{f.rows, f.cols};
    if (!fits) fail(source, ": ", f.name, " has shape ", shape_text(t.shape), ", expected (", f.rows, ", ", f.cols, ")");
    model.write(f, std::vector<typename M::T>(t.data.begin(), t.data.end()));
    by_name.erase(found);
  }
  if (!by_name.empty()) fail(source, ": nothing in this model takes the tensor ", by_name.begin()->first);
}

/// Is D a LoRA, with or without a gate?
template <class D>
concept LowRank = requires(const D d, typename D::template Params<Mat<float>> p) { p.A; p.B; p.scale; d.alpha; };

/// The delta can add what it does to its site's weight.
template <class D, class T, class E>
concept Merges = requires(const D d, Context<T, E>& c, const typename D::template Params<Mat<T, E>>& p, Mat<T, E> W) { d.merge(c, p, W); };

/// A worker with room for one temporary of (rows, cols).
template <class T, ExecutionSpace E>
Worker<E> small_worker(std::size_t rows, std::size_t cols) {
  Worker<E> w;
  w.space.reserve((rows * cols + 64) * sizeof(T) * 2);
  return w;
}

/// A model whose method is LoRA alone, gated or not, as PEFT keeps it. Gates are folded into B; with `prune`, ranks whose gate
/// is exactly zero are left out (SoRA, section 3.2): rows of A, columns of B, whole modules. The scale of each module stays.
template <class M>
PeftLora to_peft(const M& model, const std::string& base_model, bool prune = true) {
  using Plain = typename M::Attached::Plain;
  static_assert(Plain::size == 1, "peft::to_peft: PEFT's LoRA files hold one LoRA");
  using D = typename Plain::template type<0>;
  static_assert(LowRank<D>, "peft::to_peft: the method is no LoRA");
  PeftLora out;
  out.base_model = base_model;
  const D& delta = model.attached().template delta<0>();
  out.dropout = delta.dropout;
  const auto& modules = model.attached().placement(0).modules;
  for (std::size_t k = 0; k < modules.size(); ++k) {
    const auto& p = std::get<0>(model.values().all).modules[k];
    auto w = small_worker<typename M::T, typename M::E>(rows(p.B), cols(p.B));
    Context<typename M::T, typename M::E> c{w};
    const std::vector<float> A = to_host(p.A), B = to_host(delta.folded(c, p));
    const int r = rows(p.A), in = cols(p.A), outs = rows(p.B);
    std::vector<int> ranks;
    for (int j = 0; j < r; ++j) {
      bool zero = false;
      if constexpr (requires { p.g; }) zero = prune && to_host(p.g)[static_cast<std::size_t>(j)] == 0;
      if (!zero) ranks.push_back(j);
    }
    LoraModule m{modules[k].path, static_cast<int>(ranks.size()), in, outs, p.scale * static_cast<double>(ranks.size()), {}, {}};
    for (const int j : ranks) m.A.insert(m.A.end(), A.begin() + std::ptrdiff_t(j) * in, A.begin() + std::ptrdiff_t(j + 1) * in);
    for (int i = 0; i < outs; ++i)
      for (const int j : ranks) m.B.push_back(B[static_cast<std::size_t>(i) * r + j]);
    out.modules.push_back(std::move(m));
  }
  for (const HostTensor& t : trained_tensors(model))
    if (t.name.rfind("classifier.", 0) == 0) out.head.push_back(t);
  return out;
}

/// Saves the delta and the head: PEFT's files when the method is one LoRA (gates folded in and pruned), else our own file.
template <class M>
void save(const M& model, const std::filesystem::path& folder, const std::string& method = "delta") {
  using Plain = typename M::Attached::Plain;
  if constexpr (Plain::size == 1) {
    if constexpr (LowRank<typename Plain::template type<0>>)
      return save_peft_lora(folder, to_peft(model, model.backbone().folder()));
  }
  save_delta(folder, {method, {}, trained_tensors(model)});
}

/// Takes PEFT's tensors: the model's LoRA must have exactly these modules and ranks (see `LoRA<Dynamic>::ranks`).
template <class M>
void from_peft(M& model, const PeftLora& lora, const std::string& source) {
  std::vector<HostTensor> tensors = lora.head;
  for (const LoraModule& m : lora.modules) {
    tensors.push_back({m.path + ".lora_A.weight", {m.rank, m.in}, m.A});
    tensors.push_back({m.path + ".lora_B.weight", {m.out, m.rank}, m.B});
  }
  restore_tensors(model, tensors, source);
}

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
      } else if constexpr (Merges<D, T, E>) {
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
      } else {
        fail("merge: the delta on ", modules[k].path, " is no change of its weight and cannot be merged; save the delta instead");
      }
    }
  });
  return changed;
}

/// Writes a plain Hugging Face folder: merged weights and head, config.json, and the tokenizer's files.
template <class M>
void export_checkpoint(const M& model, const std::filesystem::path& folder, const std::vector<std::string>& labels) {
  namespace fs = std::filesystem;
  const fs::path source = model.backbone().folder();
  std::error_code absent;
  require(!fs::equivalent(source, folder, absent), "cannot export into ", folder, ": it holds the backbone itself; give another folder");
  static_assert(M::Task::reads == Reads::first, "peft::export_checkpoint: Hugging Face's classifier reads the pooler");
  const auto changed = merged_weights(model);
  std::map<std::string, HostTensor> tensors;
  for (const auto& [name, view] : model.backbone().store().tensors()) {
    const auto found = changed.find(name);
    const bool vector = view.extent(0) == 1 && (name.ends_with(".bias") || name.find("LayerNorm") != std::string::npos);
    tensors[name] = {name, vector ? std::vector<std::int64_t>{std::int64_t(view.extent(1))}
                                  : std::vector<std::int64_t>{std::int64_t(view.extent(0)), std::int64_t(view.extent(1))},
                     found == changed.end() ? to_host(view) : found->second};
  }
  for (HostTensor& t : trained_tensors(model))
    if (t.name.rfind("classifier.", 0) == 0) tensors[t.name] = std::move(t);
  std::vector<NamedTensor> list;
  for (const auto& [name, t] : tensors) list.push_back(named(t));
  fs::create_directories(folder);
  write_safetensors(folder / "model.safetensors", list);

  auto config = parse_json_file(source / "config.json");
  config["architectures"] = {"BertForSequenceClassification"};
  config.erase("dtype");
  config["torch_dtype"] = "float32";
  config.erase("num_labels");
  config["id2label"] = nlohmann::json::object();
  config["label2id"] = nlohmann::json::object();
  for (Extent i = 0; i < model.task().labels; ++i) {
    const std::string label = static_cast<std::size_t>(i) < labels.size() ? labels[i] : cat("LABEL_", i);
    config["id2label"][std::to_string(i)] = label;
    config["label2id"][label] = i;
  }
  config["problem_type"] = model.task().regression() ? "regression" : "single_label_classification";
  write_file(folder / "config.json", config.dump(2) + "\n");
  for (const char* file : {"tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"})
    if (fs::exists(source / file)) fs::copy_file(source / file, folder / file, fs::copy_options::overwrite_existing);
}

}  // namespace peft
