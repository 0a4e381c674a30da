// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <peft/io/encoder_config.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// DeBERTa-v2 or v3, under the names of Hugging Face's config.json, whose defaults these are.
struct DebertaConfig : EncoderConfig {
  bool relative_attention = false;
  int max_relative_positions = 512;       // where the file has -1: max_position_embeddings
  int position_buckets = -1;              // > 0: distances share logarithmic buckets
  std::vector<std::string> pos_att_type;  // of "c2p", "p2c"
  bool share_att_key = false;             // positions are projected with the query's and key's own weights
  bool norm_rel_ebd = false;              // a layer norm over the relative positions ("layer_norm")
  bool position_biased_input = true;      // adds absolute positions to the embedding
  ActivationKind pooler_hidden_act = ActivationKind::Gelu;
  double pooler_dropout = 0;  // before the pooler's dense layer; classifier_dropout is behind it

  DebertaConfig() {
    model_type = "deberta-v2";
    vocab_size = 128100;
    pad_token_id = 0;
    hidden_size = 1536;
    num_hidden_layers = num_attention_heads = 24;
    intermediate_size = 6144;
    type_vocab_size = 0;
    layer_norm_eps = 1e-7;
    classifier_dropout = 0.1;
  }

  bool content_to_position() const { return relative_attention && attends("c2p"); }
  bool position_to_content() const { return relative_attention && attends("p2c"); }
  /// Half the rows of the table of relative positions: distances (or buckets) from -span to span - 1.
  int relative_span() const { return position_buckets > 0 ? position_buckets : max_relative_positions; }

 private:
  bool attends(std::string_view kind) const {
    return std::find(pos_att_type.begin(), pos_att_type.end(), kind) != pos_att_type.end();
  }
};

}  // namespace peft
