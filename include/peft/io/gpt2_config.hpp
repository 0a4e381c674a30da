// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/activation_kind.hpp>
#include <peft/io/checkpoint_config.hpp>

namespace peft {

/// GPT-2, under the names of Hugging Face's config.json, whose defaults these are.
struct Gpt2Config : CheckpointConfig {
  int n_embd = 768;
  int n_layer = 12;
  int n_head = 12;     // divides n_embd
  int n_inner = 3072;  // where the file has null: 4 n_embd
  int n_positions = 1024;
  ActivationKind activation_function = ActivationKind::GeluTanh;
  double layer_norm_epsilon = 1e-5;
  double embd_pdrop = 0.1, attn_pdrop = 0.1, resid_pdrop = 0.1;
  bool tie_word_embeddings = true;

  Gpt2Config() {
    model_type = "gpt2";
    vocab_size = 50257;
    bos_token_id = 50256;
    eos_token_id = {50256};
  }

  int head_size() const { return n_embd / n_head; }
  /// Tokens of the longest sequence.
  int longest() const { return n_positions; }
};

}  // namespace peft
