// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <peft/text/role_tokens.hpp>
#include <string_view>

namespace peft {

/// What a tokenizer class of transformers does with the files that do not say it themselves.
struct TokenizerClass {
  enum class Kind { Generic, Bert, Roberta, Gpt2, Deberta, Qwen2, XlmRoberta, Camembert, DebertaV2, T5, Llama };
  Kind kind = Kind::Generic;
  bool named = false;  // by tokenizer_config.json or config.json, rather than taken from the files that are there

  /// By its name, with or without "Fast"; Generic for a name that is not known.
  static TokenizerClass of_name(std::string_view name) {
    if (name.ends_with("Fast")) name.remove_suffix(4);
    static constexpr Entry known[] = {{"BertTokenizer", Kind::Bert},
                                      {"DistilBertTokenizer", Kind::Bert},
                                      {"ElectraTokenizer", Kind::Bert},
                                      {"RobertaTokenizer", Kind::Roberta},
                                      {"BartTokenizer", Kind::Roberta},
                                      {"LongformerTokenizer", Kind::Roberta},
                                      {"GPT2Tokenizer", Kind::Gpt2},
                                      {"DebertaTokenizer", Kind::Deberta},
                                      {"Qwen2Tokenizer", Kind::Qwen2},
                                      {"XLMRobertaTokenizer", Kind::XlmRoberta},
                                      {"CamembertTokenizer", Kind::Camembert},
                                      {"DebertaV2Tokenizer", Kind::DebertaV2},
                                      {"T5Tokenizer", Kind::T5},
                                      {"MT5Tokenizer", Kind::T5},
                                      {"LlamaTokenizer", Kind::Llama},
                                      {"CodeLlamaTokenizer", Kind::Llama}};
    return {find(known, name), true};
  }

  /// That AutoTokenizer takes for a `model_type` of config.json.
  static TokenizerClass of_model(std::string_view type) {
    static constexpr Entry known[] = {{"bert", Kind::Bert},
                                      {"distilbert", Kind::Bert},
                                      {"electra", Kind::Bert},
                                      {"roberta", Kind::Roberta},
                                      {"xlm-roberta", Kind::XlmRoberta},
                                      {"camembert", Kind::Camembert},
                                      {"gpt2", Kind::Gpt2},
                                      {"deberta", Kind::Deberta},
                                      {"deberta-v2", Kind::DebertaV2},
                                      {"t5", Kind::T5},
                                      {"mt5", Kind::T5},
                                      {"llama", Kind::Llama},
                                      {"mistral", Kind::Llama},
                                      {"qwen2", Kind::Qwen2}};
    return {find(known, type), true};
  }

  /// The role tokens where no file names them.
  RoleTokens roles() const {
    switch (kind) {
      case Kind::Bert: return RoleTokens::bert();
      case Kind::Deberta:
      case Kind::DebertaV2: return {"[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "[CLS]", "[SEP]"};
      case Kind::Roberta:
      case Kind::XlmRoberta:
      case Kind::Camembert: return {"<s>", "</s>", "<pad>", "<unk>", "<mask>", "<s>", "</s>"};
      case Kind::Gpt2: return {.unk = "<|endoftext|>", .bos = "<|endoftext|>", .eos = "<|endoftext|>"};
      case Kind::Qwen2: return {.pad = "<|endoftext|>", .unk = "<|endoftext|>", .eos = "<|endoftext|>"};
      case Kind::T5: return {.pad = "<pad>", .unk = "<unk>", .eos = "</s>"};
      case Kind::Llama: return {.unk = "<unk>", .bos = "<s>", .eos = "</s>"};
      case Kind::Generic: break;
    }
    return {};
  }

  /// Whether the mask takes the space before it along, where no file says.
  bool mask_strips_left() const { return kind == Kind::Roberta || kind == Kind::XlmRoberta || kind == Kind::Camembert; }

 private:
  struct Entry {
    std::string_view name;
    Kind kind;
  };
  template <std::size_t n>
  static Kind find(const Entry (&known)[n], std::string_view name) {
    for (const Entry& entry : known)
      if (entry.name == name) return entry.kind;
    return Kind::Generic;
  }
};

}  // namespace peft
