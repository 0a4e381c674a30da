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

  Vocabulary vocabulary;
  std::vector<double> scores;
  std::optional<std::int32_t> unk;
  std::vector<AddedToken> added;  // control tokens and the like
  std::string charsmap;
  std::uint64_t model_type = 1;  // 1: Unigram
  bool byte_fallback = false, dummy_prefix = true, remove_extra_whitespaces = true;

  /// Field numbers are those of sentencepiece_model.proto. Throws Error naming the file and the byte.
  explicit SentencePieceModel(const std::filesystem::path& file) {
    const MappedFile mapped(file);
    for (ProtobufReader model(mapped.text(), file.string()); model.next();) {
      if (model.field() == 1) {
        read_piece(model.message(), file.string());
      } else if (model.field() == 2) {
        for (ProtobufReader trainer = model.message(); trainer.next();) {
          if (trainer.field() == 3) model_type = trainer.number();
          if (trainer.field() == 35) byte_fallback = trainer.flag();
        }
      } else if (model.field() == 3) {
        for (ProtobufReader normalizer = model.message(); normalizer.next();) {
          if (normalizer.field() == 2) charsmap = normalizer.bytes();
          if (normalizer.field() == 3) dummy_prefix = normalizer.flag();
          if (normalizer.field() == 4) remove_extra_whitespaces = normalizer.flag();
        }
      }
    }
  }

 private:
  void read_piece(ProtobufReader piece, const std::string& file) {
    std::string text;
    double score = 0;
    std::uint64_t type = Normal;
    while (piece.next()) {
      if (piece.field() == 1) text = piece.bytes();
      if (piece.field() == 2) score = static_cast<double>(piece.real());
      if (piece.field() == 3) type = piece.number();
    }
    const auto id = static_cast<std::int32_t>(scores.size());
    require(utf8::repaired(text) == text && std::isfinite(score), file, ": piece ", id,
            " is not UTF-8 with a finite score");
    require(vocabulary.find(text) == Vocabulary::none, file, ": piece ", id, ", \"", text, "\", comes a second time");
    vocabulary.set(text, id);
    scores.push_back(score);
    if (type == Unknown) unk = id;
    if (type == Control || type == Unknown || type == UserDefined)
      added.push_back({.content = text, .id = id, .special = type != UserDefined, .normalized = false});
  }
};

/// The tokenizer of a checkpoint that has only a SentencePiece model: [CLS] A [SEP] and [CLS] A [SEP] B [SEP] where it
/// has these tokens (DeBERTa), A </s> and A </s> B </s> where it has that one (T5). Read here rather than by the
/// library: the few fields above become the parts that tokenizer.json has, too, and no dependency is added.
inline TokenizerParts read_sentencepiece(const std::filesystem::path& file) {
  using Kind = SequenceTemplate::Kind;
  SentencePieceModel model(file);
  const std::string name = file.string();
  Vocabulary& vocabulary = model.vocabulary;
  require(model.model_type == 1 && !model.scores.empty(), name, ": ", model.scores.size(),
          " pieces and a model of type ", model.model_type,
          "; a Unigram model (type 1) was expected, others need a tokenizer.json");
  const auto cls = vocabulary.find("[CLS]"), sep = vocabulary.find("[SEP]"), end = vocabulary.find("</s>");
  const bool bert = cls != Vocabulary::none && sep != Vocabulary::none;
  if (bert && vocabulary.find("[MASK]") == Vocabulary::none)  // DeBERTa puts it behind the pieces
    model.added.push_back({.content = "[MASK]",
                           .id = static_cast<std::int32_t>(vocabulary.rows()),
                           .special = true,
                           .normalized = false});
  TokenizerParts out{{{}, {}, Unigram(std::move(vocabulary), std::move(model.scores), model.unk, model.byte_fallback)}};
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
  out.added = std::move(model.added);
  return out;
}

}  // namespace peft
