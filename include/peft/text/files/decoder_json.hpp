// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <peft/core/error.hpp>
#include <peft/text/decode/decoder.hpp>
#include <peft/text/files/json_parts.hpp>
#include <peft/text/files/normalizer_json.hpp>
#include <peft/text/files/splitter_json.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <variant>

namespace peft::tokenizer_json {

inline Decoder::Step read_decoder_step(const JsonFields& fields) {
  const std::string type = fields.text("type");
  if (type == "Fuse") return FuseTokens{};
  if (type == "ByteLevel") return ByteLevelDecoder{};
  if (type == "ByteFallback") return ByteFallbackDecoder{};
  if (type == "Replace") return ReplaceDecoder{read_replace(fields)};
  if (type == "WordPiece") return WordPieceDecoder{fields.text("prefix", "##"), fields.boolean("cleanup", true)};
  if (type == "Metaspace") {
    const auto split = std::get<MetaspaceSplit>(read_metaspace(fields));
    return MetaspaceDecoder{split.replacement, split.prepend != MetaspaceSplit::Prepend::Never};
  }
  if (type == "Strip") {
    StripDecoder out{fields.text("content")};
    if (utf8::count(out.content) != 1) fields.refuse("content", "one character");
    out.start = static_cast<std::size_t>(fields.integer("start", 0, largest_id, 0));
    out.stop = static_cast<std::size_t>(fields.integer("stop", 0, largest_id, 0));
    return out;
  }
  if (type == "BPEDecoder") return BpeDecoder{fields.text("suffix", "</w>")};
  refuse_type(fields, "BPEDecoder, ByteLevel, ByteFallback, Fuse, Metaspace, Replace, Strip, WordPiece and Sequence");
}

/// `decoder` of tokenizer.json; null for tokens with spaces between them. One that cannot be read is refused when it is
/// used.
inline Decoder read_decoder(const JsonFields& root) {
  Decoder out;
  if (root.find("decoder") != nullptr) out.between.clear();
  try {
    for (const JsonFields& fields : steps_of(root, "decoder", "decoders"))
      out.steps.push_back(read_decoder_step(fields));
  } catch (const Error& error) {
    out.steps = {UnreadDecoder{cat("text cannot be put together from tokens: ", error.what())}};
  }
  return out;
}

}  // namespace peft::tokenizer_json
