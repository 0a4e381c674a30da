// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/io/peft_adapter.hpp>

namespace peft {

template <class Orthogonality>
struct AdaLoRA;

namespace peft_adalora {

/// Which triplets of a module are left: those whose value is not zero.
std::vector<std::size_t> kept(const TensorsByName& own, const std::string& path);

/// What PEFT scales every module by: alpha / (init_r + 1e-5).
double scale_of(const PeftAdapter& from);
/// Refuses a model that scales a module otherwise.
void require_scale(const std::string& path, double scale, double saved, const PeftAdapter& from);

/// A module's triplets, all of them where `none` was pruned in the whole model, out of `first`. Its scale is `factor`
/// times the first module's; that goes into the values.
void write_module(const std::string& path, const TensorsByName& own, std::size_t first, bool none, float factor,
                  PeftAdapter& to);

}  // namespace peft_adalora

/// AdaLoRA in PEFT's files: only the triplets that are left, and in rank_pattern where among the first ones they were.
/// PEFT scales by alpha / (init_r + 1e-5) whatever is left. Modules that have lost every triplet are left out. The
/// schedule is not a part of what was trained: the config names one that is over.
template <class Orthogonality>
struct PeftFormat<AdaLoRA<Orthogonality>> {
  static constexpr const char* kind = "ADALORA";
  static constexpr bool lossy = true;  // pruned triplets, which may come back, and what they are judged by

  static void write(const auto& delta, const auto& modules, const TensorsByName& own, PeftAdapter& to) {
    auto& c = to.config;
    int first = delta.rank;
    bool none = true;  // before training every value is zero: nothing was pruned
    for (const auto& m : modules) {
      first = std::max(first, delta.rank_of(m));
      none = none && peft_adalora::kept(own, m.path).empty();
    }
    const double alpha = delta.scale_of(modules.at(0)) * (first + 1e-5);
    c["init_r"] = first;
    c["target_r"] = delta.target;
    c["lora_alpha"] = rounded_number(alpha);
    c["lora_dropout"] = delta.dropout;
    c["beta1"] = delta.beta1;
    c["beta2"] = delta.beta2;
    c["deltaT"] = delta.every;
    c["tinit"] = c["tfinal"] = 0;
    c["total_step"] = 1;
    for (const auto& m : modules) {
      const double factor = delta.scale_of(m) / delta.scale_of(modules.at(0));
      peft_adalora::write_module(m.path, own, static_cast<std::size_t>(first), none, static_cast<float>(factor), to);
    }
  }

  static void configure(const PeftAdapter& from, auto& part) {
    const JsonFields fields = from.fields();
    check_common(fields);
    auto& delta = part.delta;
    delta.rank = static_cast<int>(fields.integer("init_r", 1, 1 << 20, 12));
    delta.target = static_cast<int>(fields.integer("target_r", 1, 1 << 20, 8));
    const double alpha = fields.number("lora_alpha", 1e-6, 1e6, 8);
    delta.alpha = alpha;
    part.only.emplace();
    const PeftTensors tensors(from);
    for (const std::string& path : tensors.placed("lora_E")) {
      const auto& shape = tensors.shape_of(tensors.at(path, "lora_E"));
      const std::int64_t rank = shape.empty() ? -1 : shape[0];
      require(rank >= 0 && rank <= delta.rank, from.source, ": ", path, ".lora_E has shape ", shape_text(shape),
              ", expected (r, 1) with r up to ", delta.rank);
      if (rank == 0) continue;
      part.only->insert(path);
      delta.ranks[path] = static_cast<int>(rank);
      delta.alphas[path] = alpha * (static_cast<double>(rank) + 1e-5) / (delta.rank + 1e-5);
    }
    require(!part.only->empty(), from.source, ": there is no AdaLoRA module in it");
    delta.target = static_cast<int>(std::min<std::int64_t>(delta.target, mean_rank(delta.ranks)));
  }

  static std::vector<HostTensor> read(const auto& delta, const auto& modules, PeftTensors& left) {
    std::vector<HostTensor> tensors;
    const double scale = peft_adalora::scale_of(left.adapter());
    for (const auto& m : modules) {
      const std::int64_t r = delta.rank_of(m);
      peft_adalora::require_scale(m.path, delta.scale_of(m), scale, left.adapter());
      tensors.push_back(left.take(left.at(m.path, "lora_A"), m.path + ".lora_A", {r, m.in}));
      tensors.push_back(left.take(left.at(m.path, "lora_B"), m.path + ".lora_B", {m.out, r}));
      tensors.push_back(left.take(left.at(m.path, "lora_E"), m.path + ".lora_E", {r, 1}, {r}));
    }
    for (const std::string& path : left.modules_with("lora_E"))  // modules without a triplet
      for (const char* field : {"lora_A", "lora_B", "lora_E"}) left.drop_empty(left.at(path, field));
    return tensors;
  }

 private:
  static std::int64_t mean_rank(const auto& ranks) {
    std::int64_t sum = 0;
    for (const auto& [path, rank] : ranks) sum += rank;
    return std::max<std::int64_t>(1, sum / static_cast<std::int64_t>(ranks.size()));
  }
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_adalora.ipp>
#endif
