// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <peft/core/inline.hpp>
#include <peft/data/conll_tags.hpp>
#include <span>
#include <string>
#include <string_view>

namespace peft {

namespace conll_tags {

constexpr std::string_view marks = "BIESLUM", beginning = "BSU";

PEFT_INLINE bool marked(std::string_view tag) {
  return tag.size() > 2 && tag[1] == '-' && marks.find(tag[0]) != marks.npos;
}

PEFT_INLINE bool mark_alone(std::string_view tag) { return tag.size() == 1 && marks.find(tag[0]) != marks.npos; }

/// A type alone: neither a letter, which would be a mark of another scheme or a misspelt O, nor one with something
/// behind.
PEFT_INLINE bool type_alone(std::string_view tag) {
  return tag.size() > 1 && tag[1] != '-' && tag[1] != '_' && tag.back() != '-';
}

}  // namespace conll_tags

PEFT_INLINE std::string EntityTag::name() const {
  std::string out(1, mark);
  return mark == 'O' || type.empty() ? out : out.append("-").append(type);
}

PEFT_INLINE TagScheme::TagScheme(std::span<const std::string_view> tags, bool sure) {
  using namespace conll_tags;
  const auto any = [&](auto&& is) { return std::any_of(tags.begin(), tags.end(), is); };
  const bool outside = any([](std::string_view tag) { return tag == "O"; });
  if (any(marked))
    kind_ = Kind::Marked;
  else if (any(mark_alone))
    kind_ = Kind::Marks;
  else if (any(type_alone))
    kind_ = outside || sure ? Kind::Types : Kind::None;
  for (const std::string_view tag : tags)
    if (kind_ != Kind::Types && has(tag) && letters_.find(tag[0]) == letters_.npos) letters_ += tag[0];
}

PEFT_INLINE bool TagScheme::has(std::string_view tag) const {
  using namespace conll_tags;
  if (tag == "O") return true;
  return kind_ == Kind::Marked  ? marked(tag)
         : kind_ == Kind::Marks ? mark_alone(tag)
                                : kind_ == Kind::Types && type_alone(tag);
}

PEFT_INLINE EntityTag TagScheme::read(std::string_view tag) const {
  if (tag == "O") return {};
  if (kind_ == Kind::Types) return {'I', tag};
  const char mark = conll_tags::beginning.find(tag[0]) != std::string_view::npos ? 'B' : 'I';
  return {mark, kind_ == Kind::Marked ? tag.substr(2) : std::string_view()};
}

PEFT_INLINE std::string TagScheme::note() const {
  if (kind_ == Kind::Types) return "the tags are types alone (IO): words of one type in a row are one entity";
  const bool others = letters_.find_first_of("ESLUM") != letters_.npos;
  if (!others) return "";
  return letters_.find_first_of("LU") != letters_.npos ? "the tags are in BILOU and read as IOB2"
                                                       : "the tags are in IOBES and read as IOB2";
}

PEFT_INLINE std::size_t to_iob2(std::span<EntityTag> sentence) {
  std::size_t changed = 0;
  EntityTag before;
  for (EntityTag& tag : sentence) {
    if (tag.mark == 'I' && (before.mark == 'O' || before.type != tag.type)) {
      tag.mark = 'B';
      ++changed;
    }
    before = tag;
  }
  return changed;
}

}  // namespace peft
