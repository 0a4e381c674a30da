// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <peft/data/dataset.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

/// What a column of labels may hold, without the spaces around.
enum class LabelText {
  Integer,  // an optional sign and digits
  Decimal,  // any other finite number: a decimal point, an exponent
  Missing,  // empty, or what other programs write for a number that is none: nan, None, null, NA, inf
  Name
};

LabelText label_text(std::string_view text);

/// The labels of a table by example; equal spellings are stored once.
class LabelColumn {
 public:
  struct Value {
    std::string text;  // without the spaces around
    LabelText kind;
    std::size_t line, count = 0;  // of its first occurrence, and the number of occurrences
  };

  explicit LabelColumn(std::string name = {}) : name_(std::move(name)) {}

  /// Adds the label of the next example.
  void add(std::string_view text, std::size_t line);

  const std::string& name() const { return name_; }                   ///< of the column
  const std::vector<Value>& values() const { return values_; }        ///< in order of first occurrence
  const std::vector<std::uint32_t>& examples() const { return of_; }  ///< by example, the index of its value
  std::size_t count(LabelText kind) const;                            ///< of examples

 private:
  std::string name_;
  std::vector<Value> values_;
  std::vector<std::uint32_t> of_;
  std::map<std::string, std::uint32_t, std::less<>> known_;
};

/// Decides by a training file what its labels mean and sets `regression` or `label_names`; see `read_csv`.
/// `data.source` names the file. Throws Error naming the line of a label that is none among numbers, and for a single
/// class.
void choose_labels(Dataset& data, const LabelColumn& labels, LabelKind kind);

/// Sets the targets of the examples by the labels' meaning. `train`: the file that has decided it, if not `data`'s own.
/// Throws Error naming line and label, and the training file, for a label of another meaning.
void set_targets(Dataset& data, const LabelColumn& labels, const Dataset* train = nullptr);

/// Whether the column marks an unlabelled split: every label empty, or -1 where no class has this name, as in test
/// splits on the Hugging Face hub.
bool unlabelled(const LabelColumn& labels, const Dataset* train);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/label_column.ipp>
#endif
