// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>

#include <peft/io/encoder_config.hpp>

namespace peft {

/// DistilBERT's sizes and choices under BERT's names, by which transformers knows them too; its config.json says `dim`,
/// `hidden_dim`, `n_layers`, `n_heads`, `dropout`, `attention_dropout`, `activation` and `seq_classif_dropout`.
/// Defaults are its own.
struct DistilbertConfig : EncoderConfig {
  DistilbertConfig() {
    model_type = "distilbert";
    vocab_size = 30522;
    num_hidden_layers = 6;
    pad_token_id = type_vocab_size = 0;
    classifier_dropout = 0.2;
  }
};

/// Reads the text of a DistilBERT config.json; `where` names it in errors. Throws Error naming the key for another
/// model, for a value of the wrong type and for one that no model can have. Positions made of sinusoids are in the
/// checkpoint as others are.
DistilbertConfig parse_distilbert_config(std::string_view text, const std::string& where);
/// Reads a config.json, or the one in a model folder.
DistilbertConfig read_distilbert_config(const std::filesystem::path& path);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/config/distilbert.ipp>
#endif
