// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/data/dataset.hpp>
#include <peft/data/tokenized.hpp>
#include <peft/task/score.hpp>

#include <cstddef>
#include <string>
#include <vector>

#include "../options.hpp"
#include "../output.hpp"

/// What a model says of one example.
struct Prediction {
  std::string label;                           // the name of the class or choice; "" of a score, and of a text
  std::vector<double> scores;  // a logit per class (of one in words, its log-likelihood), or the score alone
  std::vector<std::string> words, tags,
      wanted;  // of a sentence: each word, its tag, and the right one where that is known
  std::string text;  // what it has written
};

/// What --predict is for, as --predict-format says: a prediction per example, in the order of its file. Each is written
/// as it comes.
class Predictions {
 public:
  enum class Of { Scores, Tags, Texts };

  /// `names`: of the classes, by index; none of a score.
  Predictions(const Options& options, Of of, std::vector<std::string> names);
  void add(const Prediction& row);
  /// Those of a piece of a data set.
  void add(const peft::LogitPiece<float>& piece, const peft::Dataset& data, const peft::Tokenized& tokens);
  void commit() { out_.commit(); }

 private:
  void add_tags(const peft::LogitPiece<float>& piece, const peft::Dataset& data, const peft::Tokenized& tokens);
  std::string as_table(const Prediction& row) const;
  std::string as_json(const Prediction& row) const;
  std::string as_answer(const Prediction& row) const;

  const Options& options_;
  const Of of_;
  const std::vector<std::string> names_;
  const std::string file_;
  std::size_t index_ = 0;
  Output out_;
};
