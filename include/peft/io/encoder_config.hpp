// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/activation_kind.hpp>
#include <peft/io/checkpoint_config.hpp>

namespace peft {

/// What BERT and the encoders made after it (RoBERTa, DeBERTa, DistilBERT) have in common; sizes are BERT-base's.
struct EncoderConfig : CheckpointConfig {
  int hidden_size = 768;
  int num_hidden_layers = 12;
  int num_attention_heads = 12;  // divides hidden_size
  int intermediate_size = 3072;
  int max_position_embeddings = 512;  // rows of the table of positions
  int type_vocab_size = 2;
  double layer_norm_eps = 1e-12;
  ActivationKind hidden_act = ActivationKind::Gelu;
  double hidden_dropout_prob = 0.1;
  double attention_probs_dropout_prob = 0.1;

  /// Tokens of the longest sequence.
  int longest() const { return max_position_embeddings; }
  int head_size() const { return hidden_size / num_attention_heads; }
};

}  // namespace peft
