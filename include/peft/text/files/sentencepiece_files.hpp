// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/text/files/sentencepiece_model.hpp>
#include <peft/text/files/tokenizer_config.hpp>
#include <peft/text/tokenizer_parts.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace peft {

/// A SentencePiece model as a tokenizer class of transformers turns it into a fast tokenizer. Read here rather than by
/// the library: the few fields become the parts that tokenizer.json has, too, and what is compared with is that
/// tokenizer, not SentencePiece.
namespace sentencepiece {

using Kind = TokenizerClass::Kind;
using Pieces = std::vector<std::pair<std::string, double>>;

/// The vocabulary: XLM-RoBERTa and CamemBERT have fairseq's, T5 has its sentinels behind the pieces, the last one
/// first.
inline Pieces vocabulary_of(const SentencePieceModel& model, Kind kind, int extra_ids) {
  Pieces out;
  std::size_t skip = 0;
  if (kind == Kind::XlmRoberta) {
    out = {{"<s>", 0}, {"<pad>", 0}, {"</s>", 0}, {"<unk>", 0}};
    skip = 3;
  } else if (kind == Kind::Camembert) {
    out = {{"<s>NOTUSED", 0}, {"<pad>", 0}, {"</s>NOTUSED", 0}, {"<unk>", 0}, {"<unk>NOTUSED", -100}};
    skip = 1;
  }
  for (std::size_t i = skip; i < model.pieces.size(); ++i)
    out.emplace_back(model.pieces[i].text, kind == Kind::Llama && i < 3 ? 0 : model.pieces[i].score);
  if (kind == Kind::XlmRoberta || kind == Kind::Camembert) out.emplace_back("<mask>", 0);
  for (int i = kind == Kind::T5 ? extra_ids : 0; i-- > 0;) out.emplace_back(cat("<extra_id_", i, ">"), 0);
  return out;
}

/// All pairs of pieces whose sum is a piece; that of the best score first, then that of the longer ones.
inline std::vector<std::pair<std::string, std::string>> merges_of(const Pieces& pieces, const Vocabulary& vocabulary) {
  struct Merge {
    double score;
    std::size_t left_length, right_length;
    std::string_view left, right;
  };
  std::vector<Merge> all;
  for (const auto& [text, score] : pieces) {
    const std::string_view piece = text;
    const std::size_t first = all.size(), length = utf8::count(piece);
    std::size_t characters = 0;
    for (std::size_t at = 0; at < piece.size();) {
      utf8::next(piece, at);
      ++characters;
      const std::string_view left = piece.substr(0, at), right = piece.substr(at);
      if (at < piece.size() && vocabulary.find(left) != Vocabulary::none && vocabulary.find(right) != Vocabulary::none)
        all.push_back({score, characters, length - characters, left, right});
    }
    std::sort(all.begin() + static_cast<std::ptrdiff_t>(first), all.end(), [&](const Merge& a, const Merge& b) {
      return std::pair(vocabulary.find(a.left), vocabulary.find(a.right)) <
             std::pair(vocabulary.find(b.left), vocabulary.find(b.right));
    });
  }
  std::stable_sort(all.begin(), all.end(), [](const Merge& a, const Merge& b) {
    return std::tie(a.score, a.left_length, a.right_length) > std::tie(b.score, b.left_length, b.right_length);
  });
  std::vector<std::pair<std::string, std::string>> out;
  out.reserve(all.size());
  for (const Merge& merge : all) out.emplace_back(merge.left, merge.right);
  return out;
}

inline std::variant<WordPiece, Bpe, Unigram> model_of(const SentencePieceModel& model, const Pieces& pieces, Kind kind,
                                                      const std::string& file) {
  Vocabulary vocabulary;
  std::vector<double> scores;
  for (const auto& [text, score] : pieces) {
    require(vocabulary.find(text) == Vocabulary::none, file, ": piece ", scores.size(), ", \"", text,
            "\", comes a second time");
    vocabulary.set(text, static_cast<std::int64_t>(scores.size()));
    scores.push_back(score);
  }
  const bool bytes = kind == Kind::Llama || (kind == Kind::Generic && model.byte_fallback);
  try {
    if (model.model_type == 1) {
      const bool fairseq = kind == Kind::XlmRoberta || kind == Kind::Camembert;
      return Unigram(std::move(vocabulary), std::move(scores),
                     fairseq               ? 3
                     : kind == Kind::Llama ? 0
                                           : model.unk_id,
                     bytes);
    }
    const auto merges = merges_of(pieces, vocabulary);
    Bpe out(std::move(vocabulary), merges.size(),
            {.unk_token = model.unk_piece, .fuse_unk = true, .byte_fallback = bytes});
    std::uint32_t rank = 0;
    for (const auto& [left, right] : merges) out.add_merge(rank++, left, right);
    return out;
  } catch (const Error& error) {
    fail(file, ": ", error.what());
  }
}

inline Normalizer normalizer_of(const SentencePieceModel& model, const TokenizerConfig& config, Kind kind,
                                const std::string& file) {
  Normalizer out;
  const std::string mark = MetaspaceSplit().replacement;
  if (kind == Kind::Llama) {
    if (!config.legacy.value_or(true)) return out;
    if (config.add_prefix_space.value_or(true)) out.steps.push_back(Prepend{mark});
    out.steps.push_back(Replace{" ", mark});
    return out;
  }
  if (kind == Kind::DebertaV2) {
    if (config.lowercase.value_or(false)) out.steps.push_back(Lowercase{});
    out.steps.push_back(Strip{});
  }
  if (!model.charsmap.empty())
    out.steps.push_back(Precompiled{std::make_shared<Charsmap>(model.charsmap, file + ": precompiled_charsmap")});
  if (kind != Kind::DebertaV2) out.steps.push_back(Strip{.left = false});
  out.steps.push_back(Replace{" ", kind == Kind::DebertaV2 ? " " : mark, 2});
  return out;
}

inline Splitter splitter_of(const TokenizerConfig& config, Kind kind, MetaspaceSplit metaspace) {
  Splitter out;
  if (kind == Kind::Llama) {
    if (config.legacy.value_or(true)) return out;
    metaspace.split = false;
  }
  if (kind == Kind::DebertaV2 && config.split_by_punct.value_or(false))
    out.steps.push_back(PatternSplit{{.kind = Pattern::Kind::Punctuation}});
  out.steps.push_back(std::move(metaspace));
  return out;
}

inline Decoder decoder_of(Kind kind, const MetaspaceSplit& metaspace) {
  const bool prefix = metaspace.prepend != MetaspaceSplit::Prepend::Never;
  if (kind != Kind::Llama) return {{MetaspaceDecoder{metaspace.replacement, prefix}}, ""};
  Decoder out{{ReplaceDecoder{{metaspace.replacement, " "}}, ByteFallbackDecoder{}, FuseTokens{}}, ""};
  if (prefix) out.steps.push_back(StripDecoder{" ", 1, 0});
  return out;
}

/// [CLS] A [SEP] B [SEP] of DeBERTa, <s> A </s></s> B </s> of RoBERTa, A </s> B </s> of T5.
inline SequenceTemplate sequence_of(const Vocabulary& vocabulary, Kind kind, const std::string& file) {
  using Part = SequenceTemplate::Kind;
  const auto id = [&](const char* token) {
    const std::int32_t found = vocabulary.find(token);
    require(found != Vocabulary::none, file, ": none of its ", vocabulary.size(), " pieces is \"", token,
            "\", which is put around a text");
    return found;
  };
  if (kind == Kind::DebertaV2) return SequenceTemplate::bert(id("[CLS]"), id("[SEP]"));
  if (kind == Kind::XlmRoberta || kind == Kind::Camembert) return SequenceTemplate::roberta(id("<s>"), id("</s>"));
  if (kind != Kind::T5) return {};
  const SequenceTemplate::Piece stop{Part::Special, 0, {id("</s>")}};
  return {{{Part::A, 0}, stop}, {{Part::A, 0}, stop, {Part::B, 0}, stop}};
}

}  // namespace sentencepiece

/// Where no file names the class, the pieces tell it.
inline TokenizerClass class_of_pieces(const SentencePieceModel& model) {
  using Kind = TokenizerClass::Kind;
  const auto has = [&](std::string_view text) {
    return std::any_of(model.pieces.begin(), model.pieces.end(), [&](const auto& piece) { return piece.text == text; });
  };
  return {model.model_type == 2          ? Kind::Llama
          : has("[CLS]") && has("[SEP]") ? Kind::DebertaV2
          : has("</s>")                  ? Kind::T5
                                         : Kind::Generic};
}

inline TokenizerParts read_sentencepiece(const std::filesystem::path& path, const TokenizerConfig& config,
                                         TokenizerClass& made_by) {
  using Kind = TokenizerClass::Kind;
  using Prepend = MetaspaceSplit::Prepend;
  const SentencePieceModel model(path);
  const std::string file = path.string();
  require((model.model_type == 1 || model.model_type == 2) && !model.pieces.empty(), file, ": ", model.pieces.size(),
          " pieces and a model of type ", model.model_type, "; Unigram (1) and byte-pair encoding (2) are read");
  if (made_by.kind == Kind::Generic) made_by = class_of_pieces(model);
  const Kind kind = made_by.kind;
  const int extra_ids = config.extra_ids.value_or(100);
  const sentencepiece::Pieces pieces = sentencepiece::vocabulary_of(model, kind, extra_ids);
  MetaspaceSplit metaspace;
  const bool later = kind == Kind::Llama || kind == Kind::T5;  // classes that know `legacy`
  metaspace.prepend = later && !config.add_prefix_space.value_or(true) ? Prepend::Never
                      : later && !config.legacy.value_or(true)         ? Prepend::First
                                                                       : Prepend::Always;
  if (kind == Kind::Generic && !model.dummy_prefix) metaspace.prepend = Prepend::Never;
  TokenizerParts out{
      {sentencepiece::normalizer_of(model, config, kind, file), sentencepiece::splitter_of(config, kind, metaspace),
       sentencepiece::model_of(model, pieces, kind, file)},
      sentencepiece::decoder_of(kind, metaspace)};
  out.sequence = sentencepiece::sequence_of(out.pipeline.vocabulary(), kind, file);
  for (const auto& piece : model.pieces)
    if (piece.type == SentencePieceModel::Control || piece.type == SentencePieceModel::UserDefined)
      out.add({.content = piece.text, .special = piece.type == SentencePieceModel::Control, .normalized = false});
  return out;
}

}  // namespace peft
