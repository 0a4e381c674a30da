// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_names.hpp>

namespace peft {

namespace peft_names {

using Parts = std::vector<std::string_view>;

PEFT_INLINE Parts split(std::string_view name) {
  Parts parts;
  for (std::size_t begin = 0;;) {
    const std::size_t end = name.find('.', begin);
    parts.push_back(name.substr(begin, end - begin));
    if (end == name.npos) return parts;
    begin = end + 1;
  }
}

PEFT_INLINE std::string joined(std::span<const std::string_view> parts) {
  std::string name;
  for (const std::string_view part : parts) name.append(name.empty() ? "" : ".").append(part);
  return name;
}

PEFT_INLINE bool among(std::string_view one, std::span<const std::string_view> list) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

// Modules of PyTorch's around a model or a layer, and PEFT's around a layer that it has replaced.
constexpr std::array<std::string_view, 4> torch_wrappers{"module", "_orig_mod", "_fsdp_wrapped_module",
                                                         "_checkpoint_wrapped_module"};
constexpr std::array<std::string_view, 2> peft_wrappers{"base_layer", "token_adapter"};
// Fields that PEFT keeps one of per adapter, by its name.
constexpr std::array<std::string_view, 12> fields{
    "lora_A", "lora_B",        "lora_embedding_A", "lora_embedding_B", "lora_E", "lora_magnitude_vector",
    "ia3_l",  "vera_lambda_b", "vera_lambda_d",    "vera_A",           "vera_B", "trainable_tokens_delta"};

PEFT_INLINE bool is_tensor(std::string_view part) { return part == "weight" || part == "bias"; }

// The adapter's name in a tensor's, "" where there is none.
PEFT_INLINE std::string_view adapter_in(const Parts& parts) {
  for (std::size_t i = 0; i + 1 < parts.size(); ++i)
    if (among(parts[i], fields)) return is_tensor(parts[i + 1]) ? std::string_view() : parts[i + 1];
  return {};
}

// As PEFT of today saves a name, but for the layer that it has replaced.
PEFT_INLINE std::string without_peft_wrappers(std::string_view name) {
  Parts parts = split(name);
  std::erase_if(parts, [](std::string_view part) { return among(part, peft_wrappers); });
  return joined(parts);
}

// What stands before the names of a kind's tensors.
PEFT_INLINE std::string prefix_of(const std::string& kind, std::string_view plain) {
  if (plain == "prompt_embeddings") return "";
  const bool outside = plain == "vera_A" || plain == "vera_B";
  const bool input = kind == "PROMPT_TUNING" || kind == "P_TUNING" || kind == "PREFIX_TUNING";
  return outside || input ? "base_model." : "base_model.model.";
}

}  // namespace peft_names

PEFT_INLINE std::optional<std::string> plain_name(std::string_view name, std::string_view adapter) {
  using namespace peft_names;
  const Parts parts = split(name);
  std::size_t begin = 0;
  const auto at = [&](std::size_t i) { return i < parts.size() ? parts[i] : std::string_view(); };
  for (;;) {
    if (at(begin) == "base_model")
      begin += at(begin + 1) == "model" ? 2 : 1;
    else if (among(at(begin), torch_wrappers) && begin + 1 < parts.size())
      ++begin;
    else
      break;
  }
  Parts kept;
  for (std::size_t i = begin; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    if (parts[i] == "original_module" || parts[i] == "ranknum") return std::nullopt;
    if (!last && (among(parts[i], torch_wrappers) || among(parts[i], peft_wrappers))) continue;
    if (!last && parts[i] == "modules_to_save") {
      if (i + 2 < parts.size() && (parts[i + 1] == "default" || parts[i + 1] == adapter)) ++i;
      continue;
    }
    kept.push_back(parts[i]);
    if (last || !among(parts[i], fields)) continue;
    if (!is_tensor(parts[i + 1]) && parts[i + 1] == adapter) ++i;
    if (kept.back() == "lora_magnitude_vector" && at(i + 1) == "weight") ++i;
  }
  return joined(kept);
}

PEFT_INLINE void settle_names(PeftAdapter& adapter) {
  using namespace peft_names;
  std::set<std::string> names;
  for (const HostTensor& t : adapter.tensors)
    if (const auto name = adapter_in(split(t.name)); !name.empty()) names.emplace(name);
  if (names.size() > 1)
    fail(adapter.source, ": holds the tensors of several adapters (", *names.begin(), ", ", *names.rbegin(),
         "); save one with PEFT's save_pretrained(selected_adapters=[..])");
  const std::string name = names.empty() ? "" : *names.begin(), kind = adapter.kind();
  std::map<std::string, std::size_t> taken;
  std::vector<HostTensor> settled;
  std::string example;
  for (HostTensor& t : adapter.tensors) {
    const auto plain = plain_name(t.name, name);
    if (!plain) continue;
    const std::string full = prefix_of(kind, *plain) + *plain;
    if (const auto [found, fresh] = taken.emplace(full, settled.size()); !fresh) {
      const HostTensor& other = settled[found->second];
      require(other.shape == t.shape && other.data == t.data, adapter.source, ": two different tensors are meant for ",
              *plain, "; one of them is \"", t.name, "\"");
      continue;
    }
    if (example.empty() && without_peft_wrappers(t.name) != full) example = cat(t.name, " is read as ", full);
    t.name = full;
    settled.push_back(std::move(t));
  }
  adapter.tensors = std::move(settled);
  if (!example.empty()) adapter.notes.push_back(example);
}

PEFT_INLINE void settle_names(PeftAdapter& adapter, const ModuleNames& names) {
  using namespace peft_names;
  std::string example;
  for (HostTensor& t : adapter.tensors) {
    const std::string plain = *plain_name(t.name, "");
    if (names.prefix.empty() || plain.starts_with(names.prefix)) continue;
    if (std::find(names.parts.begin(), names.parts.end(), split(plain)[0]) == names.parts.end()) continue;
    const std::string start = t.name.substr(0, t.name.size() - plain.size());
    if (example.empty()) example = cat("an adapter of the bare model: ", plain, " is read as ", names.prefix, plain);
    t.name = start + names.prefix + plain;
    adapter.left_out = names.prefix;
  }
  if (!example.empty()) adapter.notes.push_back(example);
}

}  // namespace peft
