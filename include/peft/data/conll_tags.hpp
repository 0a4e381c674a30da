// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// A word's tag: 'B', 'I' or 'O', and the type of the entity ("" for O, and where the tags name none).
struct EntityTag {
  char mark = 'O';
  std::string_view type{};

  std::string name() const;
};

/// How a file spells its entities: marks and types (IOB1, IOB2, IOBES, BILOU: the letters tell), marks alone (B, I, O),
/// or types alone (IO).
class TagScheme {
 public:
  /// Finds the scheme from all tags of a file. `types` may be alone only where O stands among them, or `sure` is said:
  /// a column of parts of speech is no column of entities.
  TagScheme(std::span<const std::string_view> tags, bool sure);

  bool has(std::string_view tag) const;
  /// Whether the tag shows by itself that it is one: O, or with a mark. Any word may be a type.
  bool has_marked(std::string_view tag) const { return has(tag) && (tag == "O" || kind_ != Kind::Types); }
  /// The tag with 'B' for whatever begins an entity of its own (B, S, U), and 'I' for what goes on, perhaps to its end
  /// (I, M, E, L; of types alone, all). It must be one that `has` knows.
  EntityTag read(std::string_view tag) const;
  /// What the user should know: "" where the file has B, I and O with types.
  std::string note() const;

 private:
  enum class Kind { Marked, Marks, Types, None };
  Kind kind_ = Kind::Marked;
  std::string letters_;  // the marks that occur
};

/// Gives every entity of a sentence a 'B' at its first word, as IOB2 has it: after another type, after O, at the start.
/// Returns how many had none.
std::size_t to_iob2(std::span<EntityTag> sentence);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/conll_tags.ipp>
#endif
