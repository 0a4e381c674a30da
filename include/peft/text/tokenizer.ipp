// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/io/hub_cache.hpp>
#include <peft/text/added_tokens.hpp>
#include <peft/text/decode/decoder.hpp>
#include <peft/text/example.hpp>
#include <peft/text/files/tokenizer_files.hpp>
#include <peft/text/model/vocabulary.hpp>
#include <peft/text/sequence_template.hpp>
#include <peft/text/tokenizer.hpp>
#include <peft/text/tokenizer_parts.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

struct Tokenizer::Content {
  explicit Content(TokenizerParts given);

  std::size_t room_for_text(bool pair, int max_length) const;
  std::vector<std::int32_t> ids(std::string_view text) const { return ids(text, parts.pipeline.splitter); }
  std::vector<std::int32_t> ids(std::string_view text, const Splitter& split) const;
  Encoded assemble(std::string_view a, std::string_view b, bool pair, int max_length) const;
  std::optional<std::string_view> token(std::int32_t id) const;
  std::int32_t id(std::string_view token) const;

  bool is_special(std::int32_t id) const { return std::binary_search(special.begin(), special.end(), id); }
  const Vocabulary& vocabulary() const { return parts.pipeline.vocabulary(); }

  TokenizerParts parts;
  Splitter of_words{};
  AddedTokenFinder in_text{}, in_normalized{};
  std::vector<std::int32_t> special{};
  std::size_t rows = 0;
};

PEFT_INLINE Tokenizer::Content::Content(TokenizerParts given)
    : parts(std::move(given)), of_words(parts.pipeline.splitter.of_words()) {
  rows = vocabulary().rows();
  const auto normalize = [&](const std::string& text) { return parts.pipeline.normalizer(text); };
  for (const AddedToken& token : parts.added) {
    rows = std::max(rows, static_cast<std::size_t>(token.id) + 1);
    if (token.special) special.push_back(token.id);
    if (token.normalized)
      in_normalized.add(token, normalize(token.content));
    else
      in_text.add(token, token.content);
  }
  in_text.finish();
  in_normalized.finish();
  std::sort(special.begin(), special.end());
  special.erase(std::unique(special.begin(), special.end()), special.end());
}

PEFT_INLINE std::size_t Tokenizer::Content::room_for_text(bool pair, int max_length) const {
  const std::size_t added = parts.sequence.added(pair);
  require(max_length >= 1 && added <= static_cast<std::size_t>(max_length), "a maximum length of ", max_length,
          " has no room for the ", added, " special tokens of ", pair ? "a pair" : "a sentence", "; allow more tokens");
  return static_cast<std::size_t>(max_length) - added;
}

PEFT_INLINE std::vector<std::int32_t> Tokenizer::Content::ids(std::string_view text, const Splitter& split) const {
  const std::string sound = utf8::is_ascii(text) ? std::string() : utf8::repaired(text);
  if (!sound.empty()) text = sound;
  std::vector<std::int32_t> out;
  const auto token = [&](std::int32_t id) { out.push_back(id); };
  in_text.split(
      text,
      [&](std::string_view part) {
        const std::string normal = parts.pipeline.normalizer(part);
        const std::size_t lead = part.data() == text.data() ? parts.pipeline.lead(part) : 0;
        in_normalized.split(
            normal,
            [&](std::string_view piece) {
              const auto begin = static_cast<std::size_t>(piece.data() - normal.data());
              parts.pipeline.encode(piece, lead - std::min(lead, begin), split, out);
            },
            token);
      },
      token);
  return out;
}

PEFT_INLINE Encoded Tokenizer::Content::assemble(std::string_view a, std::string_view b, bool pair,
                                                 int max_length) const {
  const std::size_t room = room_for_text(pair, max_length);
  std::vector<std::int32_t> first = ids(a), second = pair ? ids(b) : std::vector<std::int32_t>();
  const auto keep = longest_first(first.size(), second.size(), room);
  const bool cut = first.size() + second.size() > room;
  first.resize(keep.first);
  second.resize(keep.second);
  Encoded out = parts.sequence.assemble(first, second, pair);
  out.cut = cut;
  return out;
}

PEFT_INLINE std::optional<std::string_view> Tokenizer::Content::token(std::int32_t id) const {
  if (const AddedToken* added = parts.added.find(id)) return added->content;
  return vocabulary().token(id);
}

PEFT_INLINE std::int32_t Tokenizer::Content::id(std::string_view token) const {
  if (const AddedToken* added = parts.added.find(token)) return added->id;
  return vocabulary().find(token);
}

PEFT_INLINE Tokenizer Tokenizer::open(const std::filesystem::path& model) {
  return Tokenizer(read_tokenizer(resolve_model(model.string())));
}

PEFT_INLINE std::vector<std::filesystem::path> Tokenizer::files(const std::filesystem::path& model) {
  const auto folder = resolve_model(model.string());
  std::vector<std::filesystem::path> all = tokenizer_files::of_vocabulary(folder);
  for (const char* name : TokenizerConfig::files)
    if (std::filesystem::exists(folder / name)) all.push_back(folder / name);
  return all;
}

PEFT_INLINE Tokenizer::Tokenizer(TokenizerParts parts) : content_(std::make_shared<const Content>(std::move(parts))) {}

PEFT_INLINE Encoded Tokenizer::encode(std::string_view a, std::string_view b, int max_length) const {
  return content_->assemble(a, b, !b.empty(), max_length);
}

PEFT_INLINE Encoded Tokenizer::encode(const Example& example, int max_length) const {
  Encoded out = encode(example.a, example.b, max_length);
  out.target = example.target;
  return out;
}

PEFT_INLINE Encoded Tokenizer::encode_pair(std::string_view a, std::string_view b, int max_length) const {
  return content_->assemble(a, b, true, max_length);
}

PEFT_INLINE EncodedWords Tokenizer::encode_words(std::span<const std::string_view> words, int max_length) const {
  const SequenceTemplate& sequence = content_->parts.sequence;
  const std::size_t room = content_->room_for_text(false, max_length), before = sequence.before().size();
  std::vector<std::int32_t> all;
  EncodedWords out;
  bool full = false;  // and a word still to come
  for (const std::string_view word : words) {
    full = all.size() >= room;
    const std::vector<std::int32_t> pieces =
        full ? std::vector<std::int32_t>() : content_->ids(word, content_->of_words);
    out.first.push_back(pieces.empty() ? -1 : static_cast<std::int32_t>(before + all.size()));
    all.insert(all.end(), pieces.begin(), pieces.end());
  }
  const bool cut = full || all.size() > room;
  all.resize(std::min(all.size(), room));
  static_cast<Encoded&>(out) = sequence.assemble(all, {}, false);
  out.cut = cut;
  return out;
}

PEFT_INLINE std::vector<std::int32_t> Tokenizer::ids(std::string_view text) const { return content_->ids(text); }

PEFT_INLINE std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special_tokens) const {
  Tokens tokens;
  for (const std::int32_t id : ids) {
    const auto found = token(id);
    if (!found || (skip_special_tokens &&
                   (content_->is_special(id) || content_->is_special(content_->vocabulary().find(*found)))))
      continue;
    tokens.emplace_back(*found);
  }
  return content_->parts.decoder(std::move(tokens));
}

PEFT_INLINE std::optional<std::string_view> Tokenizer::token(std::int32_t id) const { return content_->token(id); }
PEFT_INLINE std::int32_t Tokenizer::id(std::string_view token) const { return content_->id(token); }

PEFT_INLINE std::int32_t Tokenizer::cls() const { return id(content_->parts.roles.cls); }
PEFT_INLINE std::int32_t Tokenizer::sep() const { return id(content_->parts.roles.sep); }
PEFT_INLINE std::int32_t Tokenizer::pad() const { return id(content_->parts.roles.pad); }
PEFT_INLINE std::int32_t Tokenizer::unk() const { return id(content_->parts.roles.unk); }
PEFT_INLINE std::int32_t Tokenizer::mask() const { return id(content_->parts.roles.mask); }
PEFT_INLINE std::int32_t Tokenizer::bos() const { return id(content_->parts.roles.bos); }
PEFT_INLINE std::int32_t Tokenizer::eos() const { return id(content_->parts.roles.eos); }

PEFT_INLINE std::span<const std::int32_t> Tokenizer::special_tokens() const { return content_->special; }
PEFT_INLINE std::size_t Tokenizer::added(bool pair) const { return content_->parts.sequence.added(pair); }
PEFT_INLINE std::vector<std::int32_t> Tokenizer::before() const { return content_->parts.sequence.before(); }
PEFT_INLINE bool Tokenizer::has_chat_template() const { return content_->parts.has_chat_template; }
PEFT_INLINE std::size_t Tokenizer::vocab_size() const { return content_->rows; }

}  // namespace peft
