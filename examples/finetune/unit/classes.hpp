// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>

#include <peft/data/label_order.hpp>
#include <peft/io/delta_file.hpp>
#include <peft/io/label_text.hpp>
#include <peft/io/peft_methods.hpp>

#include "../options.hpp"
#include "backbone.hpp"

/// What is known of a run's head before its data are read.
struct KnownHead {
  peft::HeadLabels labels;  // nothing: what they are called is not known
  std::string whose;        // for messages: "the checkpoint", "--load out"
  bool saved = false;       // with the head itself: data of other classes are refused
};

KnownHead known_head(const Options& options, const BackboneFacts& facts, const std::optional<peft::DeltaFile>& delta,
                     const peft::PeftAdapter* adapter);

/// The classes of a run: the data's, in the order of the head.
struct Classes {
  peft::LabelOrder order;
  std::string note;  // how that order came about
};

/// Throws Error for data of other classes than those that a saved head was trained on. `more`: classes of the head that
/// do not occur in the data stay.
Classes classes_of(const KnownHead& head, const peft::Dataset& data, bool more);

/// The names for people: the first few, separated by commas.
std::string in_words(const std::vector<std::string>& names);
