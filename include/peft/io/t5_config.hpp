// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/activation_kind.hpp>
#include <peft/io/checkpoint_config.hpp>

namespace peft {

/// T5 or mT5, under the names of Hugging Face's config.json, whose defaults for T5 these are. `initializer_range`, of a
/// fresh head, is initializer_factor / sqrt(d_model).
struct T5Config : CheckpointConfig {
  int d_model = 512;
  int d_kv = 64;  // of a head; d_kv * num_heads need not be d_model
  int d_ff = 2048;
  int num_layers = 6;  // of the encoder
  int num_decoder_layers = 6;  // where the file has none: num_layers
  int num_heads = 8;
  int relative_attention_num_buckets = 32;
  int relative_attention_max_distance = 128;
  double dropout_rate = 0.1;
  double layer_norm_epsilon = 1e-6;
  ActivationKind activation = ActivationKind::Relu;  // of feed_forward_proj; "gated-gelu" means the tanh approximation
  bool gated = false;  // the feed-forward block is down(act(gate x) * (up x))
  bool tie_word_embeddings = true;  // the output layer is the word table; a checkpoint's tensors have the last word
  bool scale_decoder_outputs = true;  // what the output layer reads is scaled by d_model^-1/2: T5, not 1.1 and mT5
  int decoder_start_token_id = 0;  // where the file has none: pad_token_id

  T5Config() {
    model_type = "t5";
    vocab_size = 32128;
    pad_token_id = 0;
    eos_token_id = {1};
  }

  int attention_size() const { return d_kv * num_heads; }
};

}  // namespace peft
