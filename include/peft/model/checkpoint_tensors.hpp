// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/checkpoint.hpp>
#include <peft/io/tensor_hash.hpp>
#include <peft/model/tensor_names.hpp>

namespace peft {

/// The layers of a stack in a checkpoint: "bert.encoder.layer.", 12, "num_hidden_layers".
struct LayerStack {
  std::string start;  // of the names of their tensors, up to the layer's number
  int count;
  std::string key;  // of config.json, where `count` is from
};

/// A checkpoint's tensors as a model asks for them, and which of them it has taken. The model's names find a tensor
/// under any name that transformers knows for it (model/tensor_names.hpp). What the file holds twice must be the same.
class CheckpointTensors {
 public:
  CheckpointTensors() = default;
  CheckpointTensors(Checkpoint checkpoint, TensorNames names);

  /// The tensor under any of its names, or nullptr.
  const TensorRef* find(const std::string& name) const;
  bool has(const std::string& name) const { return find(name) != nullptr; }
  /// Does the file hold the tensor as a vector?
  bool vector(const std::string& name) const;
  /// The tensor, of floats and as (rows, cols); a vector is (1, n). Throws Error where it is not, and where the file
  /// has two that differ.
  const TensorRef& take(const std::string& name, int rows, int cols);

  /// Throws Error naming file, tensor and place where the tensor holds a number that is not finite, or beyond
  /// `largest`. Each is looked at once, whatever copies of this ask; from several threads too.
  void check_finite(const std::string& name, double largest) const;
  /// The same of these rows alone.
  void check_finite(const std::string& name, double largest, std::span<const std::int32_t> rows) const;

  /// Refuses by its cause what contradicts the config, before anything is found missing: an adapter's tensors,
  /// quantised ones, layers beyond their count or none at all.
  void check(const std::vector<LayerStack>& stacks) const;

  /// Are words read off with the table `words`, in which they are looked up? The file's tensors decide, as in
  /// transformers 5: a `head` with other numbers is used as it is. Without one, `flag` says so (config.json's
  /// tie_word_embeddings), or the family's `always`. Of tied tensors the file need hold only one.
  bool tied(const std::string& words, const std::string& head, bool flag, bool always);

  /// Notes what nobody has asked for but buffers and heads that begin with one of `own`, which a task may yet take.
  void finish(const std::vector<std::string>& own);

  /// Every tensor of a model under the family's name for it, without the prefix: the same for files that differ in
  /// their spelling alone.
  std::vector<NamedRef> named() const;

  /// What a user should know of the file, a line each.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  using Refs = std::vector<const TensorRef*>;
  struct Checked {
    std::mutex mutex;
    std::map<const TensorRef*, std::vector<bool>> rows;  // of each tensor; none: all of them
  };

  std::string own_name(std::string name) const;
  /// Without the family's prefix.
  std::string_view bare(std::string_view name) const;
  std::span<const TensorRef* const> all(std::string_view name) const;
  std::string source() const;

  std::vector<Checkpoint> checkpoint_;  // one or none
  TensorNames names_;
  std::map<std::string, Refs, std::less<>> by_name_;  // by bare names
  std::set<const TensorRef*> used_;
  std::vector<std::string> notes_;
  std::shared_ptr<Checked> checked_ = std::make_shared<Checked>();
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/model/checkpoint_tensors.ipp>
#endif
