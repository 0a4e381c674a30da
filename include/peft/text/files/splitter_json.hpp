// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/text/files/json_parts.hpp>
#include <peft/text/split/splitter.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>

namespace peft::tokenizer_json {

inline PatternSplit::Matches read_behavior(const JsonFields& fields) {
  using Matches = PatternSplit::Matches;
  const std::string name = fields.text("behavior", "Isolated");
  if (name == "Isolated") return Matches::Isolated;
  if (name == "Removed") return Matches::Removed;
  if (name == "MergedWithPrevious") return Matches::MergedWithPrevious;
  if (name == "MergedWithNext") return Matches::MergedWithNext;
  if (name == "Contiguous") return Matches::Contiguous;
  fields.refuse("behavior", "Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous");
}

/// The pattern of a Split: a string, or a regular expression. Those of well-known models are matched by hand.
inline Pattern read_pattern(const JsonFields& fields) {
  if (fields.find("String") != nullptr) return {.literal = fields.text("String")};
  const std::string start = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})",
                    end = R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)", regex = fields.text("Regex");
  if (regex == R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)" ||
      regex == R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)")
    return {.kind = Pattern::Kind::Gpt2};
  if (regex == start + "{1,3}" + end ||
      regex ==
          R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)")
    return {.kind = Pattern::Kind::Cl100k};
  if (regex == start + end) return {.kind = Pattern::Kind::Cl100k, .digits = 1};
  return {.kind = Pattern::Kind::Regex, .regex = Regex(regex, Regex::Flavour::oniguruma, fields.where())};
}

inline Splitter::Step read_metaspace(const JsonFields& fields) {
  using Prepend = MetaspaceSplit::Prepend;
  MetaspaceSplit out;
  out.replacement = fields.text("replacement", out.replacement);
  if (utf8::count(out.replacement) != 1) fields.refuse("replacement", "one character");
  const std::string scheme = fields.text("prepend_scheme", "always");
  if (scheme != "always" && scheme != "first" && scheme != "never")
    fields.refuse("prepend_scheme", "always, first or never");
  out.prepend = scheme == "always" ? Prepend::Always : scheme == "first" ? Prepend::First : Prepend::Never;
  if (!fields.boolean("add_prefix_space", true)) out.prepend = Prepend::Never;  // older files
  out.split = fields.boolean("split", true);
  return out;
}

inline Splitter::Step read_splitter_step(const JsonFields& fields) {
  using Kind = Pattern::Kind;
  using Matches = PatternSplit::Matches;
  const std::string type = fields.text("type");
  if (type == "BertPreTokenizer") return BertSplit{};
  if (type == "ByteLevel")
    return ByteLevelSplit{fields.boolean("add_prefix_space", true), fields.boolean("use_regex", true)};
  if (type == "Metaspace") return read_metaspace(fields);
  if (type == "Split")
    return PatternSplit{read_pattern(child(fields, "pattern")), read_behavior(fields), fields.boolean("invert", false)};
  if (type == "Digits")
    return PatternSplit{{.kind = Kind::Number},
                        fields.boolean("individual_digits", false) ? Matches::Isolated : Matches::Contiguous};
  if (type == "Punctuation") return PatternSplit{{.kind = Kind::Punctuation}, read_behavior(fields)};
  if (type == "WhitespaceSplit") return PatternSplit{{.kind = Kind::Space}, Matches::Removed};
  if (type == "Whitespace") return PatternSplit{{.kind = Kind::WordOrMarks}, Matches::Removed, true};
  refuse_type(fields,
              "BertPreTokenizer, ByteLevel, Metaspace, Split, Digits, Punctuation, Whitespace, "
              "WhitespaceSplit and Sequence");
}

/// `pre_tokenizer` of tokenizer.json, null for none.
inline Splitter read_splitter(const JsonFields& root) {
  Splitter out;
  for (const JsonFields& fields : steps_of(root, "pre_tokenizer", "pretokenizers"))
    out.steps.push_back(read_splitter_step(fields));
  return out;
}

}  // namespace peft::tokenizer_json
