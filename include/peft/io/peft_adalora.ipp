// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <utility>

#include <peft/io/peft_adalora.hpp>

namespace peft {

namespace peft_adalora {

PEFT_INLINE std::vector<std::size_t> kept(const TensorsByName& own, const std::string& path) {
  std::vector<std::size_t> left;
  const auto& e = own.at(path + ".lora_E").data;
  for (std::size_t j = 0; j < e.size(); ++j)
    if (e[j] != 0) left.push_back(j);
  return left;
}

PEFT_INLINE double scale_of(const PeftAdapter& from) {
  const JsonFields fields = from.fields();
  return fields.number("lora_alpha", 1e-6, 1e6, 8) /
         (static_cast<double>(fields.integer("init_r", 1, 1 << 20, 12)) + 1e-5);
}

PEFT_INLINE void require_scale(const std::string& path, double scale, double saved, const PeftAdapter& from) {
  require(std::abs(saved - scale) <= 1e-6 * std::abs(saved), from.source, ": its AdaLoRA was trained with a scale of ",
          saved, " (alpha over init_r), the model has ", scale, " at ", path,
          "; give the method its alpha and rank, or take its settings by configure_from");
}

PEFT_INLINE void write_module(const std::string& path, const TensorsByName& own, std::size_t first, bool none,
                              float factor, PeftAdapter& to) {
  const HostTensor &A = own.at(path + ".lora_A"), &B = own.at(path + ".lora_B"), &E = own.at(path + ".lora_E");
  const std::size_t r = E.data.size(), in = A.data.size() / r, out = B.data.size() / r;
  std::vector<std::size_t> left = kept(own, path);
  if (none)
    for (std::size_t j = 0; j < r; ++j) left.push_back(j);
  if (left.empty()) return;
  std::vector<bool> pattern(first);
  std::vector<float> a, b, e;
  for (const std::size_t j : left) {
    pattern[j] = true;
    a.insert(a.end(), A.data.begin() + std::ptrdiff_t(j * in), A.data.begin() + std::ptrdiff_t((j + 1) * in));
    e.push_back(E.data[j] * factor);
  }
  for (std::size_t i = 0; i < out; ++i)
    for (const std::size_t j : left) b.push_back(B.data[i * r + j]);
  const auto n = static_cast<std::int64_t>(left.size());
  const std::string start = "base_model.model." + path;
  to.add(start + ".lora_A", {n, static_cast<std::int64_t>(in)}, std::move(a));
  to.add(start + ".lora_B", {static_cast<std::int64_t>(out), n}, std::move(b));
  to.add(start + ".lora_E", {n, 1}, std::move(e));
  to.config["target_modules"].push_back(path);
  to.config["rank_pattern"][path + ".lora_E"] = pattern;
}

}  // namespace peft_adalora

}  // namespace peft
