// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/text/files/model_json.hpp>
#include <peft/text/files/splitter_json.hpp>
#include <peft/text/files/tokenizer_config.hpp>
#include <peft/text/tokenizer_parts.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

/// Byte-pair encoding of `vocab.json` ({"token": id}) and `merges.txt` (two tokens a line, perhaps a first line
/// "#version").
inline Bpe read_vocab_and_merges(const std::filesystem::path& vocab, const std::filesystem::path& merges) {
  const nlohmann::json document = parse_json_file(vocab);
  const JsonFields ids(document, vocab.string());
  Vocabulary vocabulary;
  for (const auto& entry : document.items()) vocabulary.set(entry.key(), tokenizer_json::id_in(ids, entry.key()));
  const MappedFile mapped(merges);
  std::vector<std::pair<std::string_view, std::size_t>> lines;
  std::size_t number = 0;
  for (std::string_view text = mapped.text(); !text.empty();) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (++number == 1 && line.starts_with("#version")) continue;
    if (!line.empty()) lines.emplace_back(line, number);
  }
  Bpe out(std::move(vocabulary), lines.size(), {});
  std::uint32_t rank = 0;
  for (const auto& [line, at] : lines) {
    const std::size_t space = line.find(' ');
    require(space != line.npos && line.find(' ', space + 1) == line.npos, merges.string(), ", line ", at, ": \"", line,
            "\", expected two tokens");
    try {
      out.add_merge(rank++, std::string(line.substr(0, space)), std::string(line.substr(space + 1)));
    } catch (const Error& error) {
      fail(merges.string(), ", line ", at, ": ", error.what());
    }
  }
  return out;
}

/// The tokenizer of a folder of a byte-level model (GPT-2, RoBERTa, Qwen2) as its class makes it of these two files.
inline TokenizerParts read_byte_level(const std::filesystem::path& folder, const TokenizerConfig& config,
                                      const TokenizerClass& made_by, const RoleTokens& roles) {
  using Kind = TokenizerClass::Kind;
  TokenizerParts out{{{}, {}, read_vocab_and_merges(folder / "vocab.json", folder / "merges.txt")},
                     {{ByteLevelDecoder{}}, ""}};
  const Vocabulary& vocabulary = out.pipeline.vocabulary();
  ByteLevelSplit split{config.add_prefix_space.value_or(false)};
  if (made_by.kind == Kind::Qwen2) {
    out.pipeline.normalizer.steps.push_back(UnicodeForm{.compose = true});
    out.pipeline.splitter.steps.push_back(PatternSplit{{.kind = Pattern::Kind::Cl100k, .digits = 1}});
    split.use_regex = false;
  }
  out.pipeline.splitter.steps.push_back(split);
  const auto id = [&](const std::string& token) {
    const std::int32_t found = vocabulary.find(token);
    require(found != Vocabulary::none, (folder / "vocab.json").string(), ": the vocabulary of ", vocabulary.size(),
            " tokens lacks \"", token, "\", which is put around a text");
    return found;
  };
  if (made_by.kind == Kind::Roberta) out.sequence = SequenceTemplate::roberta(id(roles.cls), id(roles.sep));
  if (made_by.kind == Kind::Deberta) out.sequence = SequenceTemplate::bert(id("[CLS]"), id("[SEP]"));
  if (made_by.kind == Kind::Gpt2 && config.add_bos.value_or(false)) {
    const SequenceTemplate::Piece begin{SequenceTemplate::Kind::Special, 0, {id(roles.bos)}};
    for (auto* pieces : {&out.sequence.single, &out.sequence.pair}) pieces->insert(pieces->begin(), begin);
  }
  return out;
}

}  // namespace peft
