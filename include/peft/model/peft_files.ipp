// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/model/peft_files.hpp>

namespace peft {

namespace peft_files {

PEFT_INLINE void leave_out_carried(std::vector<HostTensor>& tensors, const PeftCarried* carried,
                                   const std::vector<LoraModule>& merged, const std::string& source) {
  for (const LoraModule& m : merged)
    if (carried == nullptr || !carried->merged.contains(m.path))
      fail(source, ": its LoRA on ", m.path,
           " is added to the weight there before a model is made: open the backbone by with_adapter");
  if (carried != nullptr) std::erase_if(tensors, [&](const HostTensor& t) { return carried->names.contains(t.name); });
}

PEFT_INLINE LoraModule kept_ranks(const std::string& path, const std::vector<float>& A, const std::vector<float>& B,
                                  int in, int out, const std::vector<int>& kept, double scale) {
  LoraModule m{path, static_cast<int>(kept.size()), in, out, scale * static_cast<double>(kept.size()), {}, {}};
  const std::size_t r = B.size() / static_cast<std::size_t>(out);
  for (const int j : kept)
    m.A.insert(m.A.end(), A.begin() + std::ptrdiff_t(j) * in, A.begin() + std::ptrdiff_t(j + 1) * in);
  for (int i = 0; i < out; ++i)
    for (const int j : kept) m.B.push_back(B[static_cast<std::size_t>(i) * r + static_cast<std::size_t>(j)]);
  return m;
}

PEFT_INLINE void require_scale(const std::string& path, double scale, const PeftLora& lora, const std::string& source) {
  for (const LoraModule& m : lora.modules) {
    if (m.path != path || m.rank == 0) continue;
    const double saved = m.alpha / m.rank;
    require(std::abs(saved - scale) <= 1e-6 * std::abs(saved), source, ": its LoRA on ", path,
            " was trained with a scale of ", saved, " (alpha over the rank), the model has ", scale,
            "; give the method its alpha, or take its settings by configure_from");
  }
}

PEFT_INLINE std::shared_ptr<const PeftAdapter> open_adapter(const std::filesystem::path& folder) {
  return std::make_shared<const PeftAdapter>(load_peft(folder));
}

PEFT_INLINE std::string task_of(std::string_view head, bool encoder_decoder) {
  if (head == "ForTokenClassification") return "TOKEN_CLS";
  if (head == "ForMultipleChoice") return "";
  if (head == "ForCausalLM") return encoder_decoder ? "SEQ_2_SEQ_LM" : "CAUSAL_LM";
  return "SEQ_CLS";
}

PEFT_INLINE std::vector<HostTensor> tensors_of(const PeftLora& lora) {
  std::vector<HostTensor> tensors = lora.head;
  for (const LoraModule& m : lora.modules) {
    tensors.push_back({m.path + ".lora_A.weight", {m.rank, m.in}, m.A});
    tensors.push_back({m.path + ".lora_B.weight", {m.out, m.rank}, m.B});
    if (!m.magnitude.empty()) tensors.push_back({m.path + ".lora_magnitude_vector", {m.out}, m.magnitude});
  }
  return tensors;
}

}  // namespace peft_files

}  // namespace peft
