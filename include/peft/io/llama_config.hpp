// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <peft/io/activation_kind.hpp>
#include <peft/io/checkpoint_config.hpp>
#include <peft/io/rope.hpp>
#include <vector>

namespace peft {

/// Llama, and the models of its architecture: Qwen2, Mistral. The names are those of Hugging
/// Face's config.json, whose defaults for Llama these are.
struct LlamaConfig : CheckpointConfig {
  int hidden_size = 4096;
  int intermediate_size = 11008;
  int num_hidden_layers = 32;
  int num_attention_heads = 32;
  int num_key_value_heads = 32;  // divides num_attention_heads, whose groups share one key and value
  int head_dim = 128;            // even; where the file has none: hidden_size / num_attention_heads
  int max_position_embeddings = 2048;
  int window = 0;  // sliding_window, where a layer has one: it sees as many tokens; 0: all see the whole sequence
  double rms_norm_eps = 1e-6;
  Rope rope;  // rope_theta and rope_scaling, or rope_parameters
  ActivationKind hidden_act = ActivationKind::Silu;
  double attention_dropout = 0;
  bool qkv_bias = false, out_bias = false;  // attention_bias: both; Qwen2: the first alone
  bool mlp_bias = false;
  bool tie_word_embeddings = false;

  LlamaConfig() {
    model_type = "llama";
    vocab_size = 32000;
    bos_token_id = 1;
    eos_token_id = {2};
  }

  /// Tokens of the longest sequence. Up to its window every layer sees all of a sequence; a longer one is not computed
  /// here.
  int longest() const { return window > 0 ? std::min(window, max_position_embeddings) : max_position_embeddings; }
  /// The angles, head_dim / 2, by which one position turns the pairs of features (i, i + head_dim / 2).
  std::vector<double> inverse_frequencies() const { return rope.inverse_frequencies(head_dim); }
  /// What cosines and sines are multiplied by.
  double rotary_scale() const { return rope.attention_factor; }
};

}  // namespace peft
