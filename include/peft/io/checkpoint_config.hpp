// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

namespace peft {

/// What the config.json of every family of models has, under its names there.
struct CheckpointConfig {
  std::string model_type;  // "bert", "t5", ...
  int vocab_size = 0;
  int pad_token_id = -1;                   // -1: none; the others likewise
  int bos_token_id = -1;
  std::vector<int> eos_token_id;           // each of them ends a text; most models have one
  double classifier_dropout = 0;           // before the output layer of a classification head
  double initializer_range = 0.02;         // standard deviation of a fresh head
  int num_labels = 2;
  std::vector<std::string> labels;         // the name of each class, or empty when the file names none
  std::string problem_type;                // "regression", "single_label_classification", ... or empty
  std::vector<std::string> architectures;  // "BertForSequenceClassification", ...
  std::vector<std::string> notes;          // what a user should know of the file, a line each
};

}  // namespace peft
