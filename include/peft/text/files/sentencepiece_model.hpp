// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <peft/core/error.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/text/files/protobuf.hpp>
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
  std::vector<Piece> pieces;  // the place is the id
  std::string charsmap, unk_piece = "<unk>";
  std::int32_t unk_id = 0;
  std::uint64_t model_type = 1;  // 1: Unigram, 2: byte-pair encoding
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
          if (trainer.field() == 40) unk_id = static_cast<std::int32_t>(trainer.number());
          if (trainer.field() == 45) unk_piece = trainer.bytes();
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
  void read_piece(ProtobufReader fields, const std::string& file) {
    Piece piece;
    while (fields.next()) {
      if (fields.field() == 1) piece.text = fields.bytes();
      if (fields.field() == 2) piece.score = static_cast<double>(fields.real());
      if (fields.field() == 3) piece.type = fields.number();
    }
    require(utf8::repaired(piece.text) == piece.text && std::isfinite(piece.score), file, ": piece ", pieces.size(),
            " is not UTF-8 with a finite score");
    pieces.push_back(std::move(piece));
  }
};

}  // namespace peft
