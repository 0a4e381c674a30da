// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/tensor_ref.hpp>

namespace peft {

struct PeftAdapter;

/// What an adapter brings beside its delta, and a backbone has taken from it: biases, tables, norms or a word head
/// saved whole (modules_to_save, bias=all, save_embedding_layers), rows of single tokens (trainable_token_indices), and
/// LoRA on a table or on lm_head, added to their weights. It is not trained on; an adapter that is saved again has it
/// as it was.
struct PeftCarried {
  std::shared_ptr<const PeftAdapter> from;
  std::set<std::string> names;  // of tensors, without PEFT's prefix
  std::set<std::string> merged;  // modules whose LoRA was added
};

/// A backbone's tensors as an adapter's are put in their place.
struct CarriedInto {
  std::function<bool(const std::string& name)> has;
  std::function<HostTensor(const std::string& name)> read;
  std::string words;  // the path of the table of words
  std::string head;  // of what reads words off, "" where the backbone has none
  bool tied = false;  // the two are one
  std::string folder;  // for errors
};

/// The tensors that change in a backbone, in the shapes of its files.
struct Carrying {
  PeftCarried what;
  std::vector<HostTensor> tensors;
  bool own_head = false;  // words are read off with a matrix of their own from now on: what was tied is not any more
  std::string summary;  // "6 biases, model.embed_tokens"; "" where nothing changes
};

/// What `adapter` changes of a backbone. Throws Error for tables of another size (the base must be resized first), two
/// different tensors for one that is tied, and token rows that do not fit.
Carrying carried_by(std::shared_ptr<const PeftAdapter> adapter, const CarriedInto& into);

/// Adds to an adapter about to be written what its backbone had carried.
void carry_over(const PeftCarried& carried, PeftAdapter& to);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_carried.ipp>
#endif
