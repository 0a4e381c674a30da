// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <peft/core/error.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/text/tokenizer_parts.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

/// Reads a vocabulary with one token per line, the id being the line number from 0. A line that comes twice has its
/// last id. Throws Error naming the line for text that is not UTF-8.
inline Vocabulary read_vocab_txt(const std::filesystem::path& file) {
  const MappedFile mapped(file);
  const std::string name = file.string();
  Vocabulary out;
  std::string_view text = mapped.text();
  for (std::size_t id = 0; !text.empty(); ++id) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view token = text.substr(0, end);
    if (token.ends_with('\r')) token.remove_suffix(1);
    require(utf8::is_ascii(token) || utf8::repaired(token) == token, name, ", line ", id + 1,
            ": the token is not UTF-8");
    out.set(token, static_cast<std::int64_t>(id));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

/// The tokenizer of a BERT checkpoint that has only `vocab.txt`: the role tokens that occur in it are special.
/// Throws Error when the unknown, first or separator token is missing.
inline TokenizerParts read_bert_vocab(const std::filesystem::path& file, RoleTokens roles) {
  Vocabulary vocabulary = read_vocab_txt(file);
  for (const std::string& role : {roles.unk, roles.cls, roles.sep})
    require(vocabulary.find(role) != Vocabulary::none, file.string(), ": the vocabulary of ", vocabulary.size(),
            " tokens lacks \"", role, "\"; is this the vocab.txt of a BERT checkpoint?");
  std::vector<AddedToken> added;
  for (const std::string& role : {roles.pad, roles.unk, roles.cls, roles.sep, roles.mask})
    if (const auto id = vocabulary.find(role); id != Vocabulary::none)
      added.push_back({.content = role, .id = id, .special = true, .normalized = false});
  const auto sequence = SequenceTemplate::bert(vocabulary.find(roles.cls), vocabulary.find(roles.sep));
  WordPiece model(std::move(vocabulary), {.unk_token = roles.unk});
  return {{{{BertNormalizer()}}, {{BertSplit()}}, std::move(model)},
          {{WordPieceDecoder()}, ""},
          sequence,
          std::move(added),
          std::move(roles)};
}

}  // namespace peft
