// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/encoder_config.hpp>

namespace peft {

using BertActivation = ActivationKind;  // of which BERT has Gelu and GeluTanh

/// A BERT encoder's sizes and choices, under the names of Hugging Face's config.json; defaults are BERT-base's.
/// `classifier_dropout`: the file's null is hidden_dropout_prob here.
struct BertConfig : EncoderConfig {
  BertConfig() {
    model_type = "bert";
    vocab_size = 30522;
    pad_token_id = 0;
    classifier_dropout = 0.1;
  }
};

}  // namespace peft
