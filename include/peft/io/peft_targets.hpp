// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/io/regex.hpp>

namespace peft {

struct PeftAdapter;

/// What an adapter's config says of a module's name: yes, no, or what cannot be told, because its pattern is not to be
/// evaluated here.
using Said = std::optional<bool>;

/// A pattern over names of modules as PEFT matches it, by Python's `re`. Names of letters, digits, "_" and "." are
/// compared without the library, a "." standing for any character.
class NameRule {
 public:
  /// `ending`: of a name's end, at a dot or the whole, as the keys of rank_pattern are meant; else of all of it.
  NameRule(std::string pattern, bool ending, const std::string& where);

  Said fits(std::string_view name) const;
  /// Why it cannot be told; "" where it can.
  const std::string& problem() const { return problem_; }
  bool is_plain() const { return !literal_.empty(); }

 private:
  std::string literal_;  // compared directly; empty: `regex_` matches
  bool ending_ = false;
  std::optional<Regex> regex_;
  mutable std::string problem_;
};

/// The modules that target_modules, exclude_modules, layers_to_transform, layers_pattern and modules_to_save leave to
/// an adapter. An adapter's own tensors say where it sits; PEFT leaves out in silence what these rules do not mean, so
/// the two must agree.
class PeftTargets {
 public:
  PeftTargets(const PeftAdapter& adapter, const JsonFields& fields);

  /// "" where the adapter may sit on the module, or what speaks against it: "is not among target_modules".
  std::string objection(const std::string& path) const;

 private:
  struct Names {
    bool given = false;
    std::set<std::string, std::less<>> endings;
    std::optional<NameRule> pattern;

    Said mean(std::string_view path) const;
  };
  static Names names(const JsonFields& fields, std::string_view key, bool shorthand);
  bool in_layers(std::string_view path) const;

  Names targets_, excluded_;
  std::vector<std::string> saved_, stacks_;
  std::string left_out_;  // the beginning of names that the file's own lack
  std::optional<std::set<std::int64_t>> layers_;
};

/// rank_pattern or alpha_pattern: of the keys that fit a module, in the file's order, the first one's value counts.
/// Every key may be compared with every module: throws Error for more than 2^16 of them (an adapter with ranks of its
/// own on all of 128 experts in 60 layers has 23,000), of which 1000 may be more than a name.
class PeftPatterns {
 public:
  PeftPatterns(const PeftAdapter& adapter, const JsonFields& fields, const std::string& key, double low, double high);

  /// The value for a module, `otherwise` where no key fits. Absent: a key before it cannot be evaluated; `problem` says
  /// why.
  std::optional<double> value(const std::string& path, double otherwise, std::string* problem = nullptr) const;

 private:
  std::vector<std::pair<NameRule, double>> rules_;
  std::string left_out_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_targets.ipp>
#endif
