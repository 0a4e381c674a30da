// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include <peft/core/tensor.hpp>

namespace peft::nn {

enum class Activation { gelu, gelu_tanh, relu, silu, tanh };

/// How attention knows where a token stands.
///   absolute      embedded with the token                            BERT, RoBERTa, GPT-2
///   rotary        queries and keys are turned by their position      Llama (Su et al., 2021)
///   buckets       a learned number per head and distance             T5 (Raffel et al., 2020)
///   disentangled  queries and keys meet embeddings of the distance   DeBERTa (He et al., 2021)
enum class Position { absolute, rotary, buckets, disentangled };

/// What the code of a transformer's layers depends on. A backbone names it once, as a constant.
struct Spec {
  Position position = Position::absolute;
  bool rms = false;        // RMSNorm, without biases, in place of LayerNorm
  bool pre_norm = false;   // x + f(norm(x)), and a norm after the last layer, in place of norm(x + f(x))
  bool causal = false;     // no row sees a later one (of an encoder-decoder: in the decoder)
  bool cross = false;      // an encoder, and a decoder whose layers attend to what it gives
  bool gated = false;      // the feed-forward part may be gated (Shape::gated)
  bool fused_qkv = false;  // queries, keys and values are one projection
  bool drops_attention_out = true;  // dropout on what attention gives, before its residual
};

/// The numbers of a transformer: what a checkpoint's config says and no type needs to know.
struct Shape {
  int layers = 0;  // of an encoder-decoder: the encoder's, then the decoder's
  Extent width = 0, heads = 0, inner = 0;
  double epsilon = 1e-12;
  Activation activation = Activation::gelu;
  double hidden_dropout = 0, attention_dropout = 0;
  double inner_dropout = 0;      // inside the feed-forward part
  double embedding_dropout = -1;  // of embeddings; below 0: hidden_dropout
  Extent head_size = 0;          // 0: width / heads
  Extent key_heads = 0;          // 0: as many as heads
  bool gated = false;            // feed-forward: act(gate x) * up x
  double score_scale = 0;        // of q k'; 0: 1 / sqrt(head size)
  int encoder_layers = 0;        // of an encoder-decoder
  int buckets = 0, reach = 0;    // of distances, and where they end (buckets, disentangled)
  bool to_position = false, from_position = false;  // disentangled: content to position, position to content
  bool shared_distances = false;                    // their projections are those of the tokens
  double rotary_scale = 1;

  double dropout_of_embeddings() const { return embedding_dropout < 0 ? hidden_dropout : embedding_dropout; }
  Extent head() const { return head_size > 0 ? head_size : width / heads; }
  Extent query_width() const { return heads * head(); }
  Extent key_width() const { return (key_heads > 0 ? key_heads : heads) * head(); }
  double scale() const { return score_scale > 0 ? score_scale : 1 / std::sqrt(static_cast<double>(head())); }
  bool decodes(int layer) const { return encoder_layers > 0 && layer >= encoder_layers; }
};

/// Names of the places where a block draws dropout.
enum class DropoutAt : unsigned {
  embedding = 1,
  attention,
  attention_out,
  ffn_out,
  classifier,
  prefix_keys,
  prefix_values,
  ffn_inner,
  cross_attention,
  cross_out,
  final,
  pooler,
  source,
  distances,
  delta = 64
};

}  // namespace peft::nn
