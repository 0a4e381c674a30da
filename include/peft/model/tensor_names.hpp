// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

/// What a family's files call its tensors beside the names that the family itself has for them.
struct TensorNames {
  using Renamed = std::pair<std::string, std::string>;  // what a file may say, and what is meant

  std::string prefix;  // of the family's own names, which files of the bare transformer leave out
  std::vector<std::string> other_prefixes;  // that stand in its place under some heads
  std::vector<Renamed> renamed;  // whole names
};

/// What transformers knows of every family's files: rules by which names are read, and what is never a part of a model.
/// `*` is any text.
namespace tensor_names {

/// Put in front of every name by DistributedDataParallel and torch.compile.
inline constexpr std::string_view wrappers[] = {"module.", "_orig_mod."};

/// Ends of names that came from TensorFlow, and today's.
inline constexpr std::pair<std::string_view, std::string_view> old_endings[] = {{"LayerNorm.gamma", "LayerNorm.weight"},
                                                                                {"LayerNorm.beta", "LayerNorm.bias"}};

/// Computed anew, never trained: left out without a word.
inline constexpr std::string_view buffers[] = {
    "*position_ids",        "*embeddings.token_type_ids",
    "h.*.attn.bias",        "h.*.attn.masked_bias",
    "*rotary_emb.inv_freq", "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"};

/// Beginnings of the tensors of heads: left out, and named.
inline constexpr std::string_view heads[] = {"cls.",
                                             "lm_head.",
                                             "qa_outputs.",
                                             "classifier.",
                                             "pre_classifier.",
                                             "score.",
                                             "v_head.",
                                             "pooler.",
                                             "lm_predictions.",
                                             "mask_predictions.",
                                             "vocab_transform.",
                                             "vocab_layer_norm.",
                                             "vocab_projector.",
                                             "classification_head.",
                                             "seq_relationship.",
                                             "predictions.",
                                             "multiple_choice_head."};

/// Parts of names that only an adapter's tensors have, or a model's that still carries one.
inline constexpr std::string_view adapters[] = {".lora_",  ".base_layer.",     ".modules_to_save.", ".original_module.",
                                                ".ia3_l.", "base_model.model."};

}  // namespace tensor_names

}  // namespace peft
