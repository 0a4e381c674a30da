// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <peft/core/inline.hpp>

namespace peft {

namespace model_types {

/// What classes are called.
inline constexpr std::pair<std::string_view, std::string_view> classes[] = {{"bert", "Bert"},
                                                                            {"roberta", "Roberta"},
                                                                            {"xlm-roberta", "XLMRoberta"},
                                                                            {"camembert", "Camembert"},
                                                                            {"distilbert", "DistilBert"},
                                                                            {"deberta-v2", "DebertaV2"},
                                                                            {"gpt2", "GPT2"},
                                                                            {"t5", "T5"},
                                                                            {"mt5", "MT5"},
                                                                            {"llama", "Llama"},
                                                                            {"llama", "LLaMA"},
                                                                            {"mistral", "Mistral"},
                                                                            {"qwen2", "Qwen2"}};
/// How a class's name goes on.
inline constexpr std::string_view endings[] = {"For", "Model", "LMHead", "DoubleHeads", "Encoder", "PreTrained"};

/// Parts of tensors' names that only one type has, the first of which counts. Bare BERT and RoBERTa share theirs.
inline constexpr std::pair<std::string_view, std::string_view> tensors[] = {{"distilbert", ".attention.q_lin."},
                                                                            {"deberta-v2", ".self.query_proj."},
                                                                            {"roberta", "roberta.e"},
                                                                            {"bert", "bert.e"},
                                                                            {"gpt2", ".attn.c_attn."},
                                                                            {"t5", ".SelfAttention.q."},
                                                                            {"qwen2", ".self_attn.q_proj.bias"},
                                                                            {"llama", ".self_attn.q_proj."}};

}  // namespace model_types

/// What transformers' classes of a model_type begin with: "XLMRoberta" of "xlm-roberta"; "" for one that is not read
/// here.
std::string_view class_of_type(std::string_view model_type);

/// The model_type in a config.json, or in that of a model folder: "bert", "roberta", "t5", ... Where it has none (files
/// of 2019), the classes under `architectures` say it, or the names of the folder's tensors. Throws Error asking for it
/// when neither does.
std::string read_model_type(const std::filesystem::path& path);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/config/model_type.ipp>
#endif
