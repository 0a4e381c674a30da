// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/data/dataset.hpp>
#include <peft/data/tokenized.hpp>

#include <string>
#include <vector>

#include "options.hpp"

/// What a model says of one example.
struct Prediction {
  std::string label;                           // the name of the class or choice; "" of a score, and of a text
  std::vector<double> scores;                  // a logit per class (of one in words, its log-likelihood), or the score alone
  std::vector<std::string> words, tags, wanted;  // of a sentence: each word, its tag, and the right one where that is known
  std::string text;                            // what it has written
};

/// What --predict is for: a prediction per example, in the order of its file.
struct Predictions {
  enum class Of { Scores, Tags, Texts } of = Of::Scores;
  std::vector<std::string> names;  // of the classes, by index; none of a score
  std::vector<Prediction> rows;
};

/// From the logits of a data set. `names`: of its classes.
Predictions predictions_of(const std::vector<float>& logits, const peft::Dataset& data, const peft::Tokenized& tokens,
                           const std::vector<std::string>& names);

/// Writes them as --predict and --predict-format say.
void write_predictions(const Options& options, const Predictions& predictions);
