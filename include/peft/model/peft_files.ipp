// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/model/peft_files.hpp>

namespace peft {

namespace peft_files {

PEFT_INLINE std::vector<HostTensor> tensors_of(const std::vector<Field>& fields, const std::function<bool(const Field&)>& wanted,
                                               const std::function<std::vector<float>(const Field&)>& values_of) {
  std::vector<HostTensor> out;
  for (const Field& f : fields)
    if (wanted(f))
      out.push_back({f.name, f.vector ? std::vector<std::int64_t>{f.cols} : std::vector<std::int64_t>{f.rows, f.cols}, values_of(f)});
  return out;
}

PEFT_INLINE std::vector<std::string> restore(const std::vector<Field>& fields, const std::vector<HostTensor>& tensors, const std::string& source, bool head_may_lack,
                                             const std::function<void(const Field&, const std::vector<float>&)>& put) {
  std::map<std::string, const HostTensor*> by_name;
  for (const HostTensor& t : tensors) by_name[t.name] = &t;
  std::vector<std::string> lacking;
  std::vector<std::pair<const Field*, const HostTensor*>> all;  // checked as a whole before the first is put
  for (const Field& f : fields) {
    if (f.role == Role::derived) continue;
    const auto found = by_name.find(f.name);
    if (found == by_name.end() && f.role == Role::state) continue;
    if (found == by_name.end() && head_may_lack && is_head(f)) {
      lacking.push_back(f.name);
      continue;
    }
    if (found == by_name.end()) fail(source, ": the tensor ", f.name, " is missing; was the delta saved with other options?");
    const HostTensor& t = *found->second;
    const bool fits = f.vector ? t.shape == std::vector<std::int64_t>{f.cols} : t.shape == std::vector<std::int64_t>{f.rows, f.cols};
    if (!fits) fail(source, ": ", f.name, " has shape ", shape_text(t.shape), ", expected (", f.rows, ", ", f.cols, ")");
    all.emplace_back(&f, &t);
    by_name.erase(found);
  }
  if (!by_name.empty()) fail(source, ": nothing in this model takes the tensor ", by_name.begin()->first);
  for (const auto& [field, tensor] : all) put(*field, tensor->data);
  return lacking;
}

PEFT_INLINE void leave_out_carried(std::vector<HostTensor>& tensors, const PeftCarried* carried, const std::vector<LoraModule>& merged, const std::string& source) {
  for (const LoraModule& m : merged)
    if (carried == nullptr || !carried->merged.contains(m.path))
      fail(source, ": its LoRA on ", m.path, " is added to the weight there before a model is made: open the backbone by with_adapter");
  if (carried != nullptr) std::erase_if(tensors, [&](const HostTensor& t) { return carried->names.contains(t.name); });
}

PEFT_INLINE LoraModule kept_ranks(const std::string& path, const std::vector<float>& A, const std::vector<float>& B, int in, int out,
                                  const std::vector<int>& kept, double scale) {
  LoraModule m{path, static_cast<int>(kept.size()), in, out, scale * static_cast<double>(kept.size()), {}, {}};
  const std::size_t r = B.size() / static_cast<std::size_t>(out);
  for (const int j : kept) m.A.insert(m.A.end(), A.begin() + std::ptrdiff_t(j) * in, A.begin() + std::ptrdiff_t(j + 1) * in);
  for (int i = 0; i < out; ++i)
    for (const int j : kept) m.B.push_back(B[static_cast<std::size_t>(i) * r + static_cast<std::size_t>(j)]);
  return m;
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
