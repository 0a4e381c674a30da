// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/io/json_lines.hpp>
#include <peft/io/json_source.hpp>

namespace peft {

/// What the parser tells of one line. Only the values of the outermost object are kept.
struct JsonLineEvents {
  using json = nlohmann::json;

  JsonLines& to;
  std::size_t seen = 0;            // characters that the parser has taken
  JsonLines::Field* at = nullptr;  // of the key just read
  std::size_t depth = 0;

  bool null() { return add("null", "is null"); }
  bool boolean(bool value) { return add(value ? "true" : "false"); }
  bool number_integer(json::number_integer_t value) { return add(std::to_string(value)); }
  bool number_unsigned(json::number_unsigned_t value) { return add(std::to_string(value)); }
  bool number_float(json::number_float_t, const std::string& spelled) { return add(spelled); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(json::binary_t&) { return false; }
  bool start_object(std::size_t) { return depth++ != 1 || keep({}, "is an object"); }
  bool start_array(std::size_t) {
    if (depth == 0) to.stop("a list; one object per line was expected (jq -c '.[]' FILE > NEW writes a list's so)");
    return depth++ != 1 || keep({}, "is a list");
  }
  bool end_object() { return depth-- > 0; }
  bool end_array() { return depth-- > 0; }
  bool key(std::string& key) {
    if (depth > 1) return true;
    at = &to.field(key);
    if (at->lacks != JsonLines::absent) to.stop(cat("the key \"", key, "\" appears twice"));
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) {
    to.stop(cat("invalid JSON at byte ", position, ": ", json_reader::reason(error)));
  }

 private:
  bool add(std::string text, const char* lacks = nullptr) {
    if (depth == 0) to.stop("an object with the names of the columns was expected: {\"text\": .., \"label\": ..}");
    return depth > 1 || keep(std::move(text), lacks);
  }
  bool keep(std::string text, const char* lacks) {
    *at = {std::move(text), lacks};
    return true;
  }
};

PEFT_INLINE JsonLines::JsonLines(std::string_view text, std::string name) : rest_(text), file_(std::move(name)) {}

PEFT_INLINE bool JsonLines::next() {
  std::string_view line;
  while (!rest_.empty() && line.find_first_not_of(" \t\r") == line.npos) {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++line_;
  }
  if (line.find_first_not_of(" \t\r") == line.npos) return false;
  for (Field& field : fields_) field = {{}, JsonLines::absent};
  if (const auto zero = line.find('\0'); zero != line.npos)
    stop(cat("invalid JSON at byte ", zero + 1, ": a zero byte; the file is damaged"));
  JsonLineEvents events{*this};
  nlohmann::detail::parser<nlohmann::json, json_reader::Source> parser(json_reader::Source(line, events.seen));
  if (!parser.sax_parse(&events)) stop("invalid JSON");
  return true;
}

PEFT_INLINE JsonLines::Field& JsonLines::field(const std::string& key) {
  constexpr std::size_t most = 1000;
  const auto [found, fresh] = numbers_.try_emplace(key, names_.size());
  if (fresh) {
    if (names_.size() == most) stop(cat("more than ", most, " different keys; the lines of a table have the same"));
    names_.push_back(key);
    fields_.push_back({{}, JsonLines::absent});
  }
  return fields_[found->second];
}

PEFT_INLINE void JsonLines::stop(std::string_view what) const { fail(file_, ", line ", line_, ": ", what); }

}  // namespace peft
