// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/text/files/protobuf.hpp>
#include <peft/text/tokenizer_parts.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <utility>
#include <vector>

namespace peft {

/// What a SentencePiece model file holds of use here: tokens, and how text is prepared.
struct SentencePieceModel {
  enum Type : std::uint64_t { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };
  struct Piece {
    std::string text;
    double score = 0;
    std::uint64_t type = Normal;
  };
  std::vector<Piece> pieces;
  std::string charsmap;
  std::uint64_t model_type = 1;  // 1: Unigram
  bool byte_fallback = false, dummy_prefix = true, remove_extra_whitespaces = true;

  /// Field numbers are those of sentencepiece_model.proto. Throws Error naming the file and the byte.
  static SentencePieceModel read(const std::filesystem::path& file) {
    const MappedFile mapped(file);
    SentencePieceModel out;
    for (ProtobufReader model(mapped.text(), file.string()); model.next();) {
      if (model.field() == 1) {
        Piece piece;
        for (ProtobufReader entry = model.message(); entry.next();) {
          if (entry.field() == 1) piece.text = entry.bytes();
          if (entry.field() == 2) piece.score = entry.real();
          if (entry.field() == 3) piece.type = entry.number();
        }
        require(utf8::repaired(piece.text) == piece.text && std::isfinite(piece.score), file.string(), ": piece ",
                out.pieces.size(), " is not UTF-8 with a finite score");
        out.pieces.push_back(std::move(piece));
      } else if (model.field() == 2) {
        for (ProtobufReader trainer = model.message(); trainer.next();) {
          if (trainer.field() == 3) out.model_type = trainer.number();
          if (trainer.field() == 35) out.byte_fallback = trainer.flag();
        }
      } else if (model.field() == 3) {
        for (ProtobufReader normalizer = model.message(); normalizer.next();) {
          if (normalizer.field() == 2) out.charsmap = normalizer.bytes();
          if (normalizer.field() == 3) out.dummy_prefix = normalizer.flag();
          if (normalizer.field() == 4) out.remove_extra_whitespaces = normalizer.flag();
        }
      }
    }
    return out;
  }
};

/// The tokenizer of a checkpoint that has only a SentencePiece model: [CLS] A [SEP] and [CLS] A [SEP] B [SEP] where it
/// has these tokens (DeBERTa), A </s> and A </s> B </s> where it has that one (T5). Read here rather than by the
/// library: the few fields above become the parts that tokenizer.json has, too, and no dependency is added.
inline TokenizerParts read_sentencepiece(const std::filesystem::path& file) {
  using Type = SentencePieceModel::Type;
  using Kind = SequenceTemplate::Kind;
  SentencePieceModel model = SentencePieceModel::read(file);
  const std::string name = file.string();
  require(model.model_type == 1 && !model.pieces.empty(), name, ": ", model.pieces.size(),
          " pieces and a model of type ", model.model_type,
          "; a Unigram model (type 1) was expected, others need a tokenizer.json");
  Vocabulary vocabulary;
  std::vector<double> scores;
  std::optional<std::int32_t> unk;
  std::vector<AddedToken> added;
  for (const auto& piece : model.pieces) {
    const auto id = static_cast<std::int32_t>(scores.size());
    require(vocabulary.find(piece.text) == Vocabulary::none, name, ": piece ", id, ", \"", piece.text,
            "\", comes a second time");
    vocabulary.set(piece.text, id);
    scores.push_back(piece.score);
    if (piece.type == Type::Unknown) unk = id;
    if (piece.type == Type::Control || piece.type == Type::Unknown || piece.type == Type::UserDefined)
      added.push_back(
          {.content = piece.text, .id = id, .special = piece.type != Type::UserDefined, .normalized = false});
  }
  const auto cls = vocabulary.find("[CLS]"), sep = vocabulary.find("[SEP]"), end = vocabulary.find("</s>");
  const bool bert = cls != Vocabulary::none && sep != Vocabulary::none;
  if (bert && vocabulary.find("[MASK]") == Vocabulary::none)  // DeBERTa puts it behind the pieces
    added.push_back({.content = "[MASK]",
                     .id = static_cast<std::int32_t>(vocabulary.rows()),
                     .special = true,
                     .normalized = false});
  TokenizerParts out{{{}, {}, Unigram(std::move(vocabulary), std::move(scores), unk, model.byte_fallback)}};
  auto& steps = out.pipeline.normalizer.steps;
  if (!model.charsmap.empty())
    steps.push_back(Precompiled{std::make_shared<Charsmap>(model.charsmap, name + ": precompiled_charsmap")});
  if (model.remove_extra_whitespaces) {
    steps.push_back(Strip{});
    steps.push_back(Replace{" ", " ", 2});
  }
  MetaspaceSplit metaspace;
  if (!model.dummy_prefix) metaspace.prepend = MetaspaceSplit::Prepend::Never;
  out.decoder = {{MetaspaceDecoder{metaspace.replacement, model.dummy_prefix}}, ""};
  out.pipeline.splitter.steps.push_back(std::move(metaspace));
  if (bert) {
    out.sequence = SequenceTemplate::bert(cls, sep);
    out.roles = RoleTokens::bert();
  } else if (end != Vocabulary::none) {
    const SequenceTemplate::Piece stop{Kind::Special, 0, {end}};
    out.sequence = {{{Kind::A, 0}, stop}, {{Kind::A, 0}, stop, {Kind::B, 0}, stop}};
    out.roles = {.pad = "<pad>", .unk = "<unk>", .eos = "</s>"};
  }
  out.added = std::move(added);
  return out;
}

}  // namespace peft
