// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/text/files/json_parts.hpp>
#include <peft/text/pipeline.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace peft::tokenizer_json {

/// {"token": id, ...}
inline Vocabulary read_vocabulary(const JsonFields& model) {
  const JsonFields ids = child(model, "vocab");
  Vocabulary out;
  for (const auto& entry : model.at("vocab").items()) out.set(entry.key(), id_in(ids, entry.key()));
  return out;
}

inline WordPiece read_wordpiece(const JsonFields& fields) {
  Vocabulary vocabulary = read_vocabulary(fields);
  WordPieceOptions options;
  options.unk_token = fields.text("unk_token", options.unk_token);
  options.continuing_prefix = fields.text("continuing_subword_prefix", options.continuing_prefix);
  options.max_chars = static_cast<std::size_t>(fields.integer("max_input_chars_per_word", 0, largest_id, 100));
  require(vocabulary.find(options.unk_token) != Vocabulary::none, "vocab: none of its ", vocabulary.size(),
          " tokens is the unknown token \"", options.unk_token, '"');
  return {std::move(vocabulary), std::move(options)};
}

// "left right" or ["left", "right"]. False for the line that names a version.
inline bool read_merge(const nlohmann::json& merge, std::uint32_t rank, Bpe& model) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
    model.add_merge(rank, merge[0].get_ref<const std::string&>(), merge[1].get_ref<const std::string&>());
    return true;
  }
  const std::string line = merge.is_string() ? merge.get_ref<const std::string&>() : std::string();
  if (line.starts_with("#version")) return false;
  const std::size_t space = line.find(' ');
  require(space != line.npos && line.find(' ', space + 1) == line.npos, "merges[", rank, "] is ", shown(merge),
          ", expected two tokens");
  model.add_merge(rank, line.substr(0, space), line.substr(space + 1));
  return true;
}

inline Bpe read_bpe(const JsonFields& fields) {
  if (fields.number("dropout", 0, 1, 0) > 0)
    fields.refuse("dropout", "null: ids that are drawn by chance cannot be given");
  BpeOptions options;
  if (fields.find("unk_token") != nullptr) options.unk_token = fields.text("unk_token");
  options.continuing_prefix = fields.text("continuing_subword_prefix", "");
  options.end_suffix = fields.text("end_of_word_suffix", "");
  options.fuse_unk = fields.boolean("fuse_unk", false);
  options.byte_fallback = fields.boolean("byte_fallback", false);
  options.ignore_merges = fields.boolean("ignore_merges", false);
  Bpe out(read_vocabulary(fields), array_in(fields, "merges").size(), std::move(options));
  std::uint32_t rank = 0;
  for (const auto& merge : fields.at("merges")) rank += read_merge(merge, rank, out);
  return out;
}

/// [["token", score], ...], where the place is the id
inline Unigram read_unigram(const JsonFields& fields) {
  Vocabulary vocabulary;
  std::vector<double> scores;
  for (const auto& entry : array_in(fields, "vocab")) {
    require(entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_number(), "vocab[",
            scores.size(), "] is ", shown(entry), ", expected a token and its score");
    vocabulary.set(entry[0].get_ref<const std::string&>(), static_cast<std::int64_t>(scores.size()));
    scores.push_back(entry[1].get<double>());
  }
  std::optional<std::int32_t> unk;
  if (fields.find("unk_id") != nullptr) unk = id_in(fields, "unk_id");
  return {std::move(vocabulary), std::move(scores), unk, fields.boolean("byte_fallback", false)};
}

/// `model` of tokenizer.json. The oldest files do not say its type.
inline std::variant<WordPiece, Bpe, Unigram> read_model(const JsonFields& fields) {
  const std::string guess = fields.find("merges") != nullptr ? "BPE"
                            : fields.at("vocab").is_array()  ? "Unigram"
                                                             : "WordPiece";
  const std::string type = fields.text("type", guess);
  if (type != "WordPiece" && type != "BPE" && type != "Unigram") refuse_type(fields, "WordPiece, BPE and Unigram");
  try {
    if (type == "BPE") return read_bpe(fields);
    if (type == "Unigram") return read_unigram(fields);
    return read_wordpiece(fields);
  } catch (const Error& error) {  // most know nothing of the file
    if (std::string_view(error.what()).starts_with(fields.where())) throw;
    fail(fields.where(), ": ", error.what());
  }
}

}  // namespace peft::tokenizer_json
