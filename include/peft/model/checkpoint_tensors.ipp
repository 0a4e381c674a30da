// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <span>
#include <string_view>

#include <peft/core/dtype.hpp>
#include <peft/core/error.hpp>
#include <peft/core/interrupt.hpp>
#include <peft/io/check_finite.hpp>
#include <peft/model/checkpoint_tensors.hpp>
#include <peft/site.hpp>

namespace peft {

namespace checkpoint_tensors {

PEFT_INLINE bool matches(std::span<const std::string_view> patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](std::string_view pattern) { return glob(pattern, name); });
}

/// The one of `starts` that the name begins with; empty where there is none.
template <class Starts>
std::string_view start_of(const Starts& starts, std::string_view name) {
  for (const std::string_view start : starts)
    if (name.starts_with(start)) return start;
  return {};
}

/// Bit for bit; tensors of one storage at once.
PEFT_INLINE bool same(const TensorRef& a, const TensorRef& b) {
  if (a.dtype != b.dtype || a.shape != b.shape || a.bytes.size() != b.bytes.size()) return false;
  return a.bytes.data() == b.bytes.data() || std::memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

/// The layer that a name of the stack belongs to, or -1.
PEFT_INLINE int layer_of(std::string_view name, std::string_view start) {
  if (!name.starts_with(start)) return -1;
  int layer = -1;
  std::from_chars(name.data() + start.size(), name.data() + name.size(), layer);
  return layer;
}

PEFT_INLINE std::string tensors(std::size_t n) { return cat(n, n == 1 ? " tensor" : " tensors"); }

}  // namespace checkpoint_tensors

PEFT_INLINE CheckpointTensors::CheckpointTensors(Checkpoint checkpoint, TensorNames names)
    : checkpoint_({std::move(checkpoint)}), names_(std::move(names)) {
  for (const std::string& name : checkpoint_.front().names())
    by_name_[std::string(bare(own_name(name)))].push_back(checkpoint_.front().find(name));
}

PEFT_INLINE std::string CheckpointTensors::own_name(std::string name) const {
  using namespace tensor_names;
  for (auto start = checkpoint_tensors::start_of(wrappers, name); !start.empty();
       start = checkpoint_tensors::start_of(wrappers, name))
    name.erase(0, start.size());
  for (const auto& [old, now] : old_endings)
    if (name.ends_with(old)) name.replace(name.size() - old.size(), old.size(), now);
  if (const auto other = checkpoint_tensors::start_of(names_.other_prefixes, name); !other.empty())
    name = names_.prefix + name.substr(other.size());
  for (const auto& [from, to] : names_.renamed)
    if (name == from) return to;
  return name;
}

PEFT_INLINE std::string_view CheckpointTensors::bare(std::string_view name) const {
  return name.starts_with(names_.prefix) ? name.substr(names_.prefix.size()) : name;
}

PEFT_INLINE std::span<const TensorRef* const> CheckpointTensors::all(std::string_view name) const {
  const auto found = by_name_.find(bare(name));
  return found == by_name_.end() ? std::span<const TensorRef* const>() : found->second;
}

PEFT_INLINE const TensorRef* CheckpointTensors::find(const std::string& name) const {
  const auto refs = all(name);
  return refs.empty() ? nullptr : refs.front();
}

PEFT_INLINE bool CheckpointTensors::vector(const std::string& name) const {
  const TensorRef* ref = find(name);
  return ref != nullptr && ref->shape.size() == 1;
}

PEFT_INLINE const TensorRef& CheckpointTensors::take(const std::string& name, int rows, int cols) {
  Interrupt::check();  // a large model is read, or converted, for a while
  const auto refs = all(name);
  if (refs.empty())
    fail(source(), ": the tensor ", name, " is missing",
         names_.prefix.empty() ? "" : cat(" (also without \"", names_.prefix, "\")"));
  const TensorRef* ref = refs.front();
  const bool fits = ref->shape.size() == 2 ? ref->shape[0] == rows && ref->shape[1] == cols
                                           : rows == 1 && ref->shape.size() == 1 && ref->shape[0] == cols;
  if (!fits)
    fail(source(), ": ", ref->name, " has shape ", shape_text(ref->shape), ", expected ",
         rows == 1 ? cat("(", cols, ")") : cat("(", rows, ", ", cols, ")"), " by config.json");
  if (!is_float(ref->dtype))
    fail(source(), ": ", ref->name, " is stored as ", peft::name(ref->dtype), "; weights are F64, F32, F16 or BF16");
  for (const TensorRef* other : refs) {
    if (other != ref && !checkpoint_tensors::same(*ref, *other))
      fail(source(), ": ", ref->name, " and ", other->name,
           " are two names of one weight, and hold different numbers; which is meant? Take the other out of the file");
    used_.insert(other);
  }
  return *ref;
}

PEFT_INLINE void CheckpointTensors::check_finite(const std::string& name, double largest) const {
  const TensorRef* tensor = find(name);
  if (tensor == nullptr) return;
  const std::lock_guard lock(checked_->mutex);
  const auto known = checked_->rows.find(tensor);
  if (known != checked_->rows.end() && known->second.empty()) return;
  peft::check_finite(*tensor, checkpoint_.front().path(*tensor), largest);
  checked_->rows[tensor].clear();
}

PEFT_INLINE void CheckpointTensors::check_finite(const std::string& name, double largest,
                                                 std::span<const std::int32_t> rows) const {
  const TensorRef* tensor = find(name);
  if (tensor == nullptr) return;
  const std::lock_guard lock(checked_->mutex);
  const auto [known, fresh] = checked_->rows.try_emplace(tensor);
  std::vector<bool>& done = known->second;
  if (fresh) done.resize(static_cast<std::size_t>(tensor->shape.front()));
  if (done.empty()) return;
  const std::string& file = checkpoint_.front().path(*tensor);
  for (const std::int32_t row : rows) {
    auto looked_at = done[static_cast<std::size_t>(row)];
    if (looked_at) continue;
    check_finite_rows(*tensor, file, row, row + 1, largest);
    looked_at = true;
  }
}

PEFT_INLINE void CheckpointTensors::check(const std::vector<LayerStack>& stacks) const {
  const auto of_an_adapter = [](std::string_view name) {
    return std::any_of(std::begin(tensor_names::adapters), std::end(tensor_names::adapters),
                       [&](std::string_view part) { return name.find(part) != name.npos; });
  };
  std::vector<bool> there(stacks.size(), false);
  for (const auto& [name, refs] : by_name_) {
    const TensorRef& ref = *refs.front();
    if (of_an_adapter(ref.name))
      fail(
          source(), ": ", ref.name,
          " is an adapter's tensor, or of a model that still carries one; merge it where it was trained "
          "(model.merge_and_unload(), then save_pretrained), or give the model as --model and the adapter's folder as --load");
    if ((ref.dtype == DType::I8 || ref.dtype == DType::U8) &&
        name.ends_with(".weight"))  // what else tells it, Checkpoint has refused
      fail(source(), ": ", ref.name, " (", peft::name(ref.dtype), " ", shape_text(ref.shape),
           ") is a quantised weight, which cannot be trained on; take the model that it "
           "was made from, or dequantise it where it was (model.dequantize(), then save_pretrained)");
    for (std::size_t i = 0; i < stacks.size(); ++i) {
      const LayerStack& stack = stacks[i];
      const int layer = checkpoint_tensors::layer_of(name, bare(stack.start));
      there[i] = there[i] || layer >= 0;
      if (layer >= stack.count)
        fail(source(), ": ", ref.name, " is of layer ", layer, ", but ", stack.key, " in config.json is ", stack.count,
             " (layers 0 to ", stack.count - 1, "); is one of them another model's?");
    }
  }
  for (std::size_t i = 0; i < stacks.size(); ++i)
    if (!checkpoint_.empty() && !there[i])
      fail(
          source(), ": none of its ", checkpoint_tensors::tensors(by_name_.size()), " is called ", stacks[i].start,
          "*, as those of the layers are that ", stacks[i].key, " in config.json counts",
          by_name_.empty()
              ? ""
              : cat(" (one is ",
                    std::next(by_name_.begin(), static_cast<std::ptrdiff_t>(by_name_.size() / 2))->second.front()->name,
                    ")"),
          "; is it a part of the model, or another?");
}

PEFT_INLINE bool CheckpointTensors::tied(const std::string& words, const std::string& head, bool flag, bool always) {
  const TensorRef *table = find(words), *own = find(head);
  if (own == nullptr) {
    if (!flag && !always && table != nullptr)
      fail(
          source(), ": there is no ", head,
          ", and tie_word_embeddings in config.json is false: a transformer without its words. If they are read off with ",
          words, ", as their table, set tie_word_embeddings to true there");
    if (!flag && table != nullptr)
      notes_.push_back(cat("tie_word_embeddings is false, but ", source(), " has no ", head,
                           ": words are read off with ", table->name));
    return true;
  }
  if (!flag) return false;
  if (table == nullptr) {
    by_name_[std::string(bare(words))] = {own};
    return true;
  }
  if (checkpoint_tensors::same(*table, *own)) {
    for (const TensorRef* copy : all(head)) used_.insert(copy);
    return true;
  }
  notes_.push_back(cat("tie_word_embeddings says that ", own->name, " and ", table->name,
                       " are one, but they differ in ", source(), ": each is used as it is"));
  return false;
}

PEFT_INLINE void CheckpointTensors::finish(const std::vector<std::string>& own) {
  constexpr std::size_t most = 4;  // names in a line
  std::map<std::string, std::size_t> heads;
  std::vector<std::string> unknown;
  for (const auto& [name, refs] : by_name_)
    for (const TensorRef* ref : refs) {
      if (used_.contains(ref) || checkpoint_tensors::matches(tensor_names::buffers, name) ||
          !checkpoint_tensors::start_of(own, name).empty())
        continue;
      if (const auto head = checkpoint_tensors::start_of(tensor_names::heads, name); !head.empty())
        ++heads[ref->name.substr(0, ref->name.find(head) + head.size())];
      else
        unknown.push_back(cat(ref->name, " ", shape_text(ref->shape)));
    }
  std::string text;
  for (const auto& [head, n] : heads)
    text += cat(text.empty() ? "" : ", ", head, "* (", checkpoint_tensors::tensors(n), ")");
  if (!heads.empty()) text += ", of other heads";
  if (!unknown.empty()) text += heads.empty() ? "" : "; ";
  for (std::size_t i = 0; i < std::min(most, unknown.size()); ++i) text += cat(i > 0 ? ", " : "", unknown[i]);
  if (unknown.size() > most) text += cat(" and ", unknown.size() - most, " more");
  if (!unknown.empty()) text += ", which nothing in this model takes";
  if (!text.empty()) notes_.push_back(cat("left out of ", source(), ": ", text));
}

PEFT_INLINE std::vector<NamedRef> CheckpointTensors::named() const {
  std::vector<NamedRef> all;
  for (const auto& [name, refs] : by_name_)
    if (!checkpoint_tensors::matches(tensor_names::buffers, name))
      for (const TensorRef* ref : refs) all.push_back({name, ref});
  return all;
}

PEFT_INLINE std::string CheckpointTensors::source() const {
  return checkpoint_.empty() ? "backbone" : checkpoint_.front().path();
}

}  // namespace peft
