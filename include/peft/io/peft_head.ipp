// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_head.hpp>
#include <peft/io/peft_load.hpp>
#include <peft/io/peft_lora.hpp>

namespace peft {

namespace peft_head {

constexpr const char* start = "base_model.model.";

// The tensor of a layer that a delta changes: the adapter's own, or the checkpoint's, taken into it.
PEFT_INLINE HostTensor& whole(PeftAdapter& a, const std::string& name, const ReadTensor& read) {
  const auto found =
      std::find_if(a.tensors.begin(), a.tensors.end(), [&](const HostTensor& t) { return t.name == start + name; });
  if (found != a.tensors.end()) return *found;
  std::optional<HostTensor> own = read(name);
  if (!own)
    fail(a.source, ": its delta on the task's head changes ", name,
         ", which the base has not; give the model with the head that it was trained on as --model");
  a.add(start + name, own->shape, std::move(own->data));
  return a.tensors.back();
}

PEFT_INLINE void check(const PeftAdapter& a, const HostTensor& t, const std::vector<std::int64_t>& shape) {
  if (t.shape != shape)
    fail(a.source, ": its delta on the task's head fits ", t.name, " of shape ", shape_text(shape), ", it has ",
         shape_text(t.shape), "; is the adapter of another model?");
}

// W + s B A; DoRA's rows have its magnitudes for lengths.
PEFT_INLINE void merge(PeftAdapter& a, const LoraModule& m, const ReadTensor& read) {
  HostTensor& weight = whole(a, m.path + ".weight", read);
  check(a, weight, {m.out, m.in});
  const auto in = static_cast<std::size_t>(m.in), r = static_cast<std::size_t>(m.rank);
  const double scale = m.alpha / m.rank;  // of no rank, unused
  for (std::size_t i = 0; i < static_cast<std::size_t>(m.out); ++i) {
    float* row = weight.data.data() + i * in;
    double squares = 0;
    for (std::size_t j = 0; j < in; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < r; ++k) sum += scale * double(m.B[i * r + k]) * double(m.A[k * in + j]);
      row[j] = static_cast<float>(double(row[j]) + sum);
      squares += double(row[j]) * double(row[j]);
    }
    if (m.magnitude.empty()) continue;
    for (std::size_t j = 0; j < in; ++j) row[j] *= static_cast<float>(double(m.magnitude[i]) / std::sqrt(squares));
  }
}

// (IA)^3: `by` is (out, 1), of the outputs, or (1, in), of the inputs.
PEFT_INLINE void merge(PeftAdapter& a, const std::string& path, const HostTensor& by, const ReadTensor& read) {
  const bool inputs = by.shape.size() == 2 && by.shape[0] == 1 && by.shape[1] != 1;
  HostTensor& weight = whole(a, path + ".weight", read);
  require(weight.shape.size() == 2, a.source, ": ", weight.name, " is no matrix");
  const std::int64_t out = weight.shape[0], in = weight.shape[1];
  check(a, by, inputs ? std::vector<std::int64_t>{1, in} : std::vector<std::int64_t>{out, 1});
  for (std::size_t i = 0; i < weight.data.size(); ++i)
    weight.data[i] *= by.data[inputs ? i % static_cast<std::size_t>(in) : i / static_cast<std::size_t>(in)];
  if (inputs) return;
  HostTensor& bias = whole(a, path + ".bias", read);
  check(a, bias, {out});
  for (std::size_t i = 0; i < bias.data.size(); ++i) bias.data[i] *= by.data[i];
}

}  // namespace peft_head

PEFT_INLINE void settle_head(PeftAdapter& adapter, const std::vector<std::string>& head, const ReadTensor& read) {
  const std::string kind = adapter.kind(), field = kind == "LORA" ? "lora_" : kind == "IA3" ? "ia3_l" : "";
  if (field.empty()) return;
  for (const std::string& path : head) {
    const auto is_delta = [&](const HostTensor& t) {
      return t.name.starts_with(cat(peft_head::start, path, ".", field));
    };
    const auto found = std::find_if(adapter.tensors.begin(), adapter.tensors.end(), is_delta);
    if (found == adapter.tensors.end()) continue;
    if (kind == "IA3") {
      peft_head::merge(adapter, path, HostTensor(*found), read);
    } else {
      const std::vector<LoraModule> modules = lora_of(adapter).modules;
      peft_head::merge(
          adapter, *std::find_if(modules.begin(), modules.end(), [&](const LoraModule& m) { return m.path == path; }),
          read);
    }
    std::erase_if(adapter.tensors, is_delta);
    adapter.notes.push_back(cat("its delta on ", path, " is merged into the task's head"));
  }
}

}  // namespace peft
