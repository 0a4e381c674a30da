// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <peft/text/example.hpp>
#include <span>
#include <utility>
#include <vector>

namespace peft {

/// How one sentence or a pair becomes a sequence: for BERT [CLS] A [SEP] and [CLS] A [SEP] B [SEP].
struct SequenceTemplate {
  enum class Kind { Special, A, B };
  struct Piece {
    Kind kind;
    std::int32_t type;                // segment of all its tokens
    std::vector<std::int32_t> ids{};  // of a special token
  };
  std::vector<Piece> single{{Kind::A, 0}}, pair{{Kind::A, 0}, {Kind::B, 1}};

  static SequenceTemplate bert(std::int32_t cls, std::int32_t sep) {
    const Piece begin{Kind::Special, 0, {cls}}, end_a{Kind::Special, 0, {sep}}, end_b{Kind::Special, 1, {sep}};
    return {{begin, {Kind::A, 0}, end_a}, {begin, {Kind::A, 0}, end_a, {Kind::B, 1}, end_b}};
  }

  /// RoBERTa's <s> A </s> and <s> A </s></s> B </s>, all of one segment.
  static SequenceTemplate roberta(std::int32_t cls, std::int32_t sep) {
    const Piece begin{Kind::Special, 0, {cls}}, end{Kind::Special, 0, {sep}}, between{Kind::Special, 0, {sep, sep}};
    return {{begin, {Kind::A, 0}, end}, {begin, {Kind::A, 0}, between, {Kind::B, 0}, end}};
  }

  /// Special tokens that are put around the text.
  std::size_t added(bool is_pair) const {
    std::size_t n = 0;
    for (const Piece& piece : is_pair ? pair : single) n += piece.ids.size();
    return n;
  }

  /// Special tokens that come before the text of a single sentence.
  std::vector<std::int32_t> before() const {
    std::vector<std::int32_t> out;
    for (const Piece& piece : single) {
      if (piece.kind == Kind::A) break;
      out.insert(out.end(), piece.ids.begin(), piece.ids.end());
    }
    return out;
  }

  Encoded assemble(std::span<const std::int32_t> a, std::span<const std::int32_t> b, bool is_pair) const {
    Encoded out;
    out.ids.reserve(a.size() + b.size() + added(is_pair));
    std::int32_t specials = 0;
    for (const Piece& piece : is_pair ? pair : single) {
      const auto ids = piece.kind == Kind::A ? a : piece.kind == Kind::B ? b : std::span(piece.ids);
      out.ids.insert(out.ids.end(), ids.begin(), ids.end());
      out.types.resize(out.ids.size(), piece.type);
      for (std::size_t i = 0; i < ids.size(); ++i) out.slots.push_back(piece.kind == Kind::Special ? specials++ : -1);
    }
    return out;
  }
};

/// How many tokens of A and B remain when together they may have `room`: the longer is truncated to the length of the
/// shorter, then both to half the room ("longest first"; the longer, or B, keeps the odd token).
inline std::pair<std::size_t, std::size_t> longest_first(std::size_t a, std::size_t b, std::size_t room) {
  if (a + b <= room) return {a, b};
  const bool swapped = a > b;
  std::size_t shorter = std::min(a, b), longer = shorter > room ? shorter : std::max(shorter, room - shorter);
  if (shorter + longer > room) {
    shorter = room / 2;
    longer = room - shorter;
  }
  return swapped ? std::pair{longer, shorter} : std::pair{shorter, longer};
}

}  // namespace peft
