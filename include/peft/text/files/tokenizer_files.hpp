// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <filesystem>
#include <peft/core/error.hpp>
#include <peft/text/files/byte_level_files.hpp>
#include <peft/text/files/sentencepiece_files.hpp>
#include <peft/text/files/tokenizer_config.hpp>
#include <peft/text/files/tokenizer_json.hpp>
#include <peft/text/files/vocab_txt.hpp>
#include <peft/text/tokenizer_parts.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace peft {

namespace tokenizer_files {

/// Files of vocabularies, in the order in which they count; those of one row belong together.
inline const std::vector<const char*> vocabularies[] = {{"tokenizer.json"}, {"vocab.txt"}, {"vocab.json", "merges.txt"},
                                                        {"spiece.model"},   {"spm.model"}, {"sentencepiece.bpe.model"},
                                                        {"tokenizer.model"}};

/// Those of the folder that count. Throws Error when there are none.
inline std::vector<std::filesystem::path> of_vocabulary(const std::filesystem::path& folder) {
  for (const auto& names : vocabularies) {
    std::vector<std::filesystem::path> files;
    for (const char* name : names)
      if (std::filesystem::exists(folder / name)) files.push_back(folder / name);
    if (files.size() == names.size()) return files;
  }
  fail(
      folder.string(),
      ": neither tokenizer.json nor vocab.txt, vocab.json with merges.txt, spiece.model, spm.model, sentencepiece.bpe.model or "
      "tokenizer.model is there; give the folder of a checkpoint with its tokenizer");
}

/// What a class makes of the files, before added tokens and roles. `made_by` becomes what the files tell where it is
/// not named.
inline TokenizerParts read_files(const std::filesystem::path& folder, const TokenizerConfig& config,
                                 TokenizerClass& made_by) {
  using Kind = TokenizerClass::Kind;
  const std::filesystem::path file = of_vocabulary(folder).front();
  const std::string name = file.filename().string();
  if (name == "tokenizer.json") return read_tokenizer_json(file);
  if (name == "vocab.txt") {
    made_by.kind = Kind::Bert;
    return read_bert_vocab(file, config.roles.or_else(RoleTokens::bert()));
  }
  if (name == "vocab.json") {
    if (made_by.kind == Kind::Generic) made_by.kind = config.roles.cls.empty() ? Kind::Gpt2 : Kind::Roberta;
    return read_byte_level(folder, config, made_by, config.roles.or_else(made_by.roles()));
  }
  return read_sentencepiece(file, config, made_by);
}

/// Tokens that the config names and the files lack, or that it describes otherwise, by their ids; then the role tokens.
inline void add_tokens(const TokenizerConfig& config, const TokenizerClass& made_by, TokenizerParts& out) {
  using Kind = TokenizerClass::Kind;
  for (const AddedToken& token : config.added) out.add(token);
  const AddedTokens described(config.special);
  const auto add = [&](const std::string& content, bool strips_left) {
    if (content.empty() || out.added.find(content) != nullptr) return;
    const AddedToken* const given = described.find(content);
    out.add(given != nullptr
                ? *given
                : AddedToken{.content = content, .special = true, .lstrip = strips_left, .normalized = false});
  };
  constexpr std::string RoleTokens::*order[] = {&RoleTokens::bos, &RoleTokens::eos, &RoleTokens::unk, &RoleTokens::sep,
                                                &RoleTokens::pad, &RoleTokens::cls, &RoleTokens::mask};
  const RoleTokens standard = made_by.roles();
  for (const auto role : order) {
    // A name that the class has by itself is a token only where the vocabulary knows it.
    const bool given = !(config.roles.*role).empty();
    const std::string& content = given ? config.roles.*role : standard.*role;
    if (given || out.pipeline.vocabulary().find(content) != Vocabulary::none || content == "[MASK]")
      add(content, role == &RoleTokens::mask && made_by.mask_strips_left());
  }
  for (const std::string& content : config.further) add(content, false);
  const bool sentinels = std::any_of(config.further.begin(), config.further.end(),
                                     [](const auto& t) { return t.starts_with("<extra_id_"); });
  for (int i = 0; made_by.kind == Kind::T5 && !sentinels && i < config.extra_ids.value_or(100); ++i)
    add(cat("<extra_id_", i, ">"), false);
}

/// BERT's classes have the last word about case, accents and Chinese characters; they lower-case unless they are told
/// not to.
inline void apply(const TokenizerConfig& config, bool by_class, BertNormalizer& normalizer) {
  if (by_class) {
    normalizer.lowercase = config.lowercase.value_or(true);
    normalizer.strip_accents = config.strip_accents.value_or(normalizer.lowercase);
    normalizer.handle_chinese_chars = config.chinese.value_or(true);
    return;
  }
  const bool follows = config.accents_follow_case || normalizer.strip_accents == normalizer.lowercase;
  normalizer.lowercase = config.lowercase.value_or(normalizer.lowercase);
  normalizer.strip_accents = config.strip_accents.value_or(follows ? normalizer.lowercase : normalizer.strip_accents);
  normalizer.handle_chinese_chars = config.chinese.value_or(normalizer.handle_chinese_chars);
}

/// Llama's classes put tokens around a text by their own flags.
inline void begin_and_end(const TokenizerConfig& config, TokenizerParts& out, const std::string& folder) {
  using Part = SequenceTemplate::Kind;
  const auto ids = [&](bool wanted, const std::string& role, const char* key) {
    const AddedToken* const token = out.added.find(role);
    require(!wanted || token != nullptr, folder, ": ", key, " is true, but ",
            role.empty() ? "no such token is named" : role, " is no token of the tokenizer");
    return wanted ? std::vector<SequenceTemplate::Piece>{{Part::Special, 0, {token->id}}}
                  : std::vector<SequenceTemplate::Piece>{};
  };
  const auto begin = ids(config.add_bos.value_or(true), out.roles.bos, "add_bos_token"),
             end = ids(config.add_eos.value_or(false), out.roles.eos, "add_eos_token");
  const auto around = [&](Part part, std::int32_t type, std::vector<SequenceTemplate::Piece>& to) {
    for (auto piece : begin) piece.type = type, to.push_back(piece);
    to.push_back({part, type});
    for (auto piece : end) piece.type = type, to.push_back(piece);
  };
  out.sequence = {{}, {}};
  around(Part::A, 0, out.sequence.single);
  around(Part::A, 0, out.sequence.pair);
  around(Part::B, 1, out.sequence.pair);
}

}  // namespace tokenizer_files

/// Reads the tokenizer in a checkpoint's folder as transformers assembles it: `tokenizer.json`, or else what its class
/// makes of `vocab.txt`, `vocab.json` and `merges.txt`, or a SentencePiece model; then what `tokenizer_config.json`,
/// `special_tokens_map.json` and `added_tokens.json` add. The class is theirs, or that of `config.json`.
inline TokenizerParts read_tokenizer(const std::filesystem::path& folder) {
  using Kind = TokenizerClass::Kind;
  const TokenizerConfig config = TokenizerConfig::read(folder);
  TokenizerClass made_by = config.made_by.value_or(TokenizerClass());
  TokenizerParts out = tokenizer_files::read_files(folder, config, made_by);
  tokenizer_files::add_tokens(config, made_by, out);
  out.roles = config.roles.or_else(made_by.roles()).or_else(out.roles);
  out.has_chat_template = config.has_chat_template;
  for (auto& step : out.pipeline.normalizer.steps)
    if (auto* bert = std::get_if<BertNormalizer>(&step))
      tokenizer_files::apply(config, made_by.kind == Kind::Bert, *bert);
  auto& splits = out.pipeline.splitter.steps;
  if (made_by.kind != Kind::Generic && splits.size() == 1)
    if (auto* bytes = std::get_if<ByteLevelSplit>(&splits.front()))
      bytes->add_prefix_space = config.add_prefix_space.value_or(false);
  const bool has_json = std::filesystem::exists(folder / "tokenizer.json");
  if (made_by.kind == Kind::Llama && (!has_json || config.add_bos || config.add_eos))
    tokenizer_files::begin_and_end(config, out, folder.string());
  return out;
}

}  // namespace peft
