// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include <peft/core/error.hpp>
#include <peft/core/fields.hpp>
#include <peft/data/batch.hpp>

namespace peft {

/// The rows of the last layer that a task looks at. What nobody reads is not computed.
///   first  the backbone's pooler over the first token of each sequence
///   mean   the mean of each sequence's tokens
///   rows   every token by itself
///   words  every row that has a target, against all words of the vocabulary (LanguageModel)
enum class Reads { first, mean, rows, words };

// A task is a head on what it reads, and a loss:
//   static constexpr Reads reads          what the last layer computes: first, or (mean, rows) all rows
//   Reads read() const                    the same, among those that need all rows by choice at run time
//   Extent labels                         outputs per row that is read
//   Extent together() const               sequences that make up one example, one after another in a batch
//   void check(const Batch&) const        throws Error unless the loss can take the batch's targets
//   std::int64_t counted(const Batch&)    targets that the mean of the loss is taken over
//   void loss(w, logits, targets, weight, losses, dlogits)
//   const char* architecture() const      suffix of Hugging Face's class with the same head; "" for none
// `targets`, (n, 1), holds one entry per row that is read where `reads` is rows, else one per example.

/// What a head stands on: the width that it reads, and the names that the backbone's family gives it.
struct HeadPlace {
  Extent width = 0;
  std::string name = "classifier";
  std::string dense{};  // of a dense layer that belongs to the head and comes before the linear one; "": there is none
};

/// A linear layer of `labels` outputs. W ~ N(0, initial_deviation^2), b = 0, both trained; likewise the dense layer
/// before it, in the families that count it to the head.
struct LinearHead {
  Extent labels = 2;
  double initial_deviation = 0.02;
  double lr_factor =
      1;  // its learning rate beside the run's: a backbone may bear less than a head that begins at random needs

  template <class V>
  struct Params {
    V w, b;  // (labels, d)  (1, labels)
    V dense_w, dense_b;  // (d, d)  (1, d)
  };

  void declare(auto& fields, auto& p, const HeadPlace& at) const {
    require(labels >= 1, "the task has labels = ", labels, ": one (a score) or more (classes)");
    const Group group{lr_factor};
    if (!at.dense.empty()) {
      fields.trained(at.dense + ".weight", p.dense_w, at.width, at.width, normal(initial_deviation), group);
      fields.vector(at.dense + ".bias", p.dense_b, at.width, {}, group);
    }
    fields.trained(at.name + ".weight", p.w, labels, at.width, normal(initial_deviation), group);
    fields.vector(at.name + ".bias", p.b, labels, {}, group);
  }
};

}  // namespace peft
