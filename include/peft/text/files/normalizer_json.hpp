// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <peft/text/files/base64.hpp>
#include <peft/text/files/json_parts.hpp>
#include <peft/text/normalize/normalizer.hpp>
#include <string>

namespace peft::tokenizer_json {

/// {"pattern": {"String": ...} or {"Regex": ...}, "content": ...}, of a normaliser or a decoder. Runs of spaces, which
/// T5's have, are matched by hand.
inline Replace read_replace(const JsonFields& fields) {
  const JsonFields pattern = child(fields, "pattern");
  Replace out{pattern.text("String", ""), fields.text("content")};
  if (pattern.find("String") != nullptr) return out;
  const std::string regex = pattern.text("Regex");
  out.pattern = " ";
  if (regex == " {2,}" || regex == " +")
    out.run = regex == " +" ? 1 : 2;
  else
    out.regex = Regex(regex, Regex::Flavour::oniguruma, pattern.where());
  return out;
}

inline BertNormalizer read_bert_normalizer(const JsonFields& fields) {
  const bool lowercase = fields.boolean("lowercase", true);
  return {fields.boolean("clean_text", true), fields.boolean("handle_chinese_chars", true),
          fields.boolean("strip_accents", lowercase), lowercase};
}

inline Normalizer::Step read_normalizer_step(const JsonFields& fields) {
  const std::string type = fields.text("type");
  if (type == "BertNormalizer") return read_bert_normalizer(fields);
  if (type == "NFC" || type == "NFKC") return UnicodeForm{.compose = true, .compatibility = type == "NFKC"};
  if (type == "NFD" || type == "NFKD") return UnicodeForm{.compose = false, .compatibility = type == "NFKD"};
  if (type == "Lowercase") return Lowercase{};
  if (type == "Strip") return Strip{fields.boolean("strip_left", true), fields.boolean("strip_right", true)};
  if (type == "StripAccents") return StripAccents{};
  if (type == "Replace") return read_replace(fields);
  if (type == "Prepend") return Prepend{fields.text("prepend")};
  if (type == "Nmt") return NmtCleaning{};
  if (type == "ByteLevel") return ByteCharacters{};
  if (type == "Precompiled") {
    const std::string where = fields.where() + ": precompiled_charsmap";
    return Precompiled{std::make_shared<Charsmap>(base64(fields.text("precompiled_charsmap"), where), where)};
  }
  refuse_type(fields,
              "BertNormalizer, NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Replace, Prepend, Nmt, "
              "ByteLevel, Precompiled and Sequence");
}

/// `normalizer` of tokenizer.json, null for none.
inline Normalizer read_normalizer(const JsonFields& root) {
  Normalizer out;
  for (const JsonFields& fields : steps_of(root, "normalizer", "normalizers"))
    out.steps.push_back(read_normalizer_step(fields));
  return out;
}

}  // namespace peft::tokenizer_json
