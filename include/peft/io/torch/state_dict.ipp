// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_set>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/io/torch/state_dict.hpp>

namespace peft::pickle {

/// For every object whether a tensor is in it, however deep: found from the tensors upwards, so that neither cycles nor
/// shared parts matter.
PEFT_INLINE std::vector<bool> holding_tensors(const Unpickler& objects) {
  std::vector<bool> holds(objects.count());
  std::vector<std::vector<Id>> holders(objects.count());
  std::vector<Id> found;
  for (Id id = 0; id < objects.count(); ++id) {
    const Object& object = objects.at(id);
    if (object.kind == Kind::tensor)
      found.push_back(id), holds[id] = true;
    else
      for (const Id item : object.items) holders[item].push_back(id);
  }
  while (!found.empty()) {
    const Id id = found.back();
    found.pop_back();
    for (const Id holder : holders[id])
      if (!holds[holder]) holds[holder] = true, found.push_back(holder);
  }
  return holds;
}

/// The dict whose values are the tensors: `root`, or the one within that alone holds any.
PEFT_INLINE Id dict_of_tensors(const Unpickler& objects, Id root, const std::string& file) {
  const auto holds = holding_tensors(objects);
  constexpr int deepest = 8;
  for (int depth = 0; depth < deepest; ++depth) {
    const Object& dict = objects.at(root);
    if (dict.kind != Kind::dict || !holds[root]) break;
    std::vector<std::pair<std::string_view, Id>> inner;  // entries with tensors further inside
    bool direct = false;
    for (std::size_t i = 0; i < dict.items.size(); i += 2) {
      const Id value = dict.items[i + 1];
      if (objects.at(value).kind == Kind::tensor)
        direct = true;
      else if (holds[value])
        inner.emplace_back(objects.at(dict.items[i]).text, value);
    }
    if (direct && inner.empty()) return root;
    if (inner.empty()) break;  // a tensor is a key
    if (direct || inner.size() > 1)
      fail(
          file, " holds tensors under \"", inner.front().first, "\" beside ",
          direct ? std::string("others") : cat("those under \"", inner.back().first, "\""),
          ": it is the state of a run, not of a model. Save the model's alone: python3 -c \"import torch; torch.save(torch.load('",
          file,
          "', 'cpu', weights_only=True)['state_dict'], 'pytorch_model.bin')\", with the name that the model has there for state_dict");
    root = inner.front().second;
  }
  fail(file, ": there is no dict of tensors in it; expected a model's state_dict()");
}

/// The last element's place in a storage from the first's, or nothing when that number is beyond the storage.
PEFT_INLINE std::optional<std::int64_t> last_place(const std::vector<std::int64_t>& shape,
                                                   const std::vector<std::int64_t>& strides, std::int64_t first,
                                                   std::int64_t elements) {
  std::int64_t last = first;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    std::int64_t step = 0;
    if (__builtin_mul_overflow(shape[i] - 1, strides[i], &step) || __builtin_add_overflow(last, step, &last))
      return std::nullopt;
  }
  if (last >= elements) return std::nullopt;
  return last;
}

PEFT_INLINE bool is_contiguous(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides) {
  std::int64_t next = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != next) return false;
    next *= shape[i];
  }
  return true;
}

/// The elements in row-major order of a tensor whose elements are `strides` apart, from `first` on.
PEFT_INLINE std::vector<std::byte> gathered(const std::byte* first, std::size_t element,
                                            const std::vector<std::int64_t>& shape,
                                            const std::vector<std::int64_t>& strides, std::size_t count) {
  std::vector<std::byte> to(count * element);
  std::vector<std::int64_t> index(shape.size());
  std::int64_t place = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(to.data() + i * element, first + static_cast<std::size_t>(place) * element, element);
    for (std::size_t d = shape.size(); d-- > 0;) {
      place += strides[d];
      if (++index[d] < shape[d]) break;
      place -= shape[d] * strides[d];
      index[d] = 0;
    }
  }
  return to;
}

/// Makes the TensorRefs of one file.
class TensorMaker {
 public:
  TensorMaker(const Unpickler& objects, const Storages& storages, std::size_t file_size, const std::string& file)
      : objects_(objects), storages_(storages), file_(file), left_to_copy_(file_size) {}

  TensorRef make(const std::string& name, Id id) {
    const Object& object = objects_.at(id);
    const std::string where = cat(file_, ": tensor \"", name, "\"");
    TensorRef tensor{.name = name, .dtype = object.dtype, .shape = numbers(object.items[1], where), .bytes = {}};
    const auto strides = numbers(object.items[2], where);
    const auto storage = bytes_of(objects_.at(object.items[0]), where);
    const auto element = size_of(tensor.dtype);
    const auto elements = static_cast<std::int64_t>(storage.size() / element);
    if (tensor.shape.size() != strides.size())
      fail(where, " has the shape ", shape_text(tensor.shape), " and the strides ", shape_text(strides));
    std::int64_t count = 1;
    for (const auto extent : tensor.shape) {
      if (extent == 0) return tensor;
      if (__builtin_mul_overflow(count, extent, &count))
        fail(where, ": the shape ", shape_text(tensor.shape), " overflows");
    }
    const auto last = object.number < 0 ? std::nullopt : last_place(tensor.shape, strides, object.number, elements);
    if (!last)
      fail(where, ": the shape ", shape_text(tensor.shape), " with strides ", shape_text(strides), " from element ",
           object.number, " on does not lie in its storage of ", elements, " elements; the file is damaged");
    if (is_contiguous(tensor.shape, strides))
      tensor.bytes =
          storage.subspan(static_cast<std::size_t>(object.number) * element, static_cast<std::size_t>(count) * element);
    else
      tensor.bytes = copy(object, tensor, strides, storage, count, where);
    return tensor;
  }

  std::deque<std::vector<std::byte>> take_copies() { return std::move(copies_); }

 private:
  std::vector<std::int64_t> numbers(Id id, const std::string& where) const {
    const auto& items = objects_.at(id).items;
    constexpr std::size_t most = 64;  // dimensions, as in PyTorch
    if (items.size() > most) fail(where, " has ", items.size(), " dimensions, at most ", most, " were expected");
    std::vector<std::int64_t> values;
    for (const Id item : items) {
      if (objects_.at(item).kind != Kind::integer || objects_.at(item).number < 0)
        fail(where, " has a shape or strides that are no integers from 0 on");
      values.push_back(objects_.at(item).number);
    }
    return values;
  }

  std::span<const std::byte> bytes_of(const Object& storage, const std::string& where) const {
    const auto found = storages_.find(storage.text);
    if (found == storages_.end()) fail(where, ": its storage \"", storage.text, "\" is not in the file");
    const auto element = size_of(storage.dtype), size = found->second.size();
    if (size % element != 0 || size / element != static_cast<std::uint64_t>(storage.number))
      fail(where, ": its storage \"", storage.text, "\" has ", size, " bytes, expected ", storage.number,
           " elements of ", peft::name(storage.dtype));
    return found->second;
  }

  /// Tensors that share their elements share the copy. All copies together are no larger than the file, so that a file
  /// of a few bytes cannot ask for all memory.
  std::span<const std::byte> copy(const Object& object, const TensorRef& tensor,
                                  const std::vector<std::int64_t>& strides, std::span<const std::byte> storage,
                                  std::int64_t count, const std::string& where) {
    const auto [found, made] =
        copied_.try_emplace({storage.data(), object.number, tensor.dtype, tensor.shape, strides});
    if (!made) return found->second;
    const auto element = size_of(tensor.dtype);
    if (static_cast<std::uint64_t>(count) > left_to_copy_ / element)
      fail(where, ": the shape ", shape_text(tensor.shape), " with strides ", shape_text(strides),
           " repeats the elements of its storage; such views are not read");
    left_to_copy_ -= static_cast<std::size_t>(count) * element;
    copies_.push_back(gathered(storage.data() + static_cast<std::size_t>(object.number) * element, element,
                               tensor.shape, strides, static_cast<std::size_t>(count)));
    return found->second = copies_.back();
  }

  using Elements =
      std::tuple<const std::byte*, std::int64_t, DType, std::vector<std::int64_t>, std::vector<std::int64_t>>;

  const Unpickler& objects_;
  const Storages& storages_;
  const std::string& file_;
  std::size_t left_to_copy_;
  std::map<Elements, std::span<const std::byte>> copied_;
  std::deque<std::vector<std::byte>> copies_;
};

PEFT_INLINE StateDict read_state_dict(const Unpickler& objects, Id root, const Storages& storages,
                                      std::size_t file_size, const std::string& file) {
  const Object& dict = objects.at(dict_of_tensors(objects, root, file));
  TensorMaker maker(objects, storages, file_size, file);
  StateDict result;
  std::unordered_set<std::string_view> names;
  for (std::size_t i = 0; i < dict.items.size(); i += 2) {
    const Object& key = objects.at(dict.items[i]);
    if (objects.at(dict.items[i + 1]).kind != Kind::tensor) continue;  // numbers and texts beside the tensors
    if (key.kind != Kind::text) fail(file, ": a tensor has a name that is no text");
    if (!names.insert(key.text).second) fail(file, ": the tensor \"", key.text, "\" is twice in it");
    result.tensors.push_back(maker.make(std::string(key.text), dict.items[i + 1]));
  }
  result.copies = maker.take_copies();
  return result;
}

}  // namespace peft::pickle
