// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/encoder_config.hpp>

namespace peft {

/// RoBERTa, XLM-RoBERTa or CamemBERT, under the names of Hugging Face's config.json, whose defaults these are
/// (published checkpoints differ: 514 positions, layer_norm_eps 1e-5). The position of a sequence's first token is the
/// row pad_token_id + 1 of the table: the rows below are never read.
struct RobertaConfig : EncoderConfig {
  RobertaConfig() {
    model_type = "roberta";
    vocab_size = 50265;
    pad_token_id = 1;
    bos_token_id = 0;
    eos_token_id = {2};
    classifier_dropout = 0.1;
  }

  /// The row of positions that a sequence begins with.
  int first_position() const { return pad_token_id + 1; }
  /// Tokens of the longest sequence.
  int longest() const { return max_position_embeddings - first_position(); }
};

}  // namespace peft
