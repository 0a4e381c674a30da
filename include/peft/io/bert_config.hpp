// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

namespace peft {

/// The nonlinearity of BERT's feed-forward block: x Phi(x), exactly or with the tanh approximation.
enum class BertActivation { Gelu, GeluTanh };

/// A BERT encoder's sizes and choices, under the names of Hugging Face's config.json; defaults are BERT-base's.
struct BertConfig {
  int hidden_size = 768;
  int num_hidden_layers = 12;
  int num_attention_heads = 12;  // divides hidden_size
  int intermediate_size = 3072;
  int vocab_size = 30522;
  int max_position_embeddings = 512;
  int type_vocab_size = 2;
  int pad_token_id = 0;
  double layer_norm_eps = 1e-12;
  BertActivation hidden_act = BertActivation::Gelu;
  double hidden_dropout_prob = 0.1;
  double attention_probs_dropout_prob = 0.1;
  double classifier_dropout = 0.1;  // the file's null is hidden_dropout_prob here
  double initializer_range = 0.02;  // standard deviation of a fresh head
  int num_labels = 2;
  std::vector<std::string> labels;         // the name of each class, or empty when the file names none
  std::string problem_type;                // "regression", "single_label_classification", ... or empty
  std::vector<std::string> architectures;  // "BertForSequenceClassification", ...

  int head_size() const { return hidden_size / num_attention_heads; }
};

}  // namespace peft
