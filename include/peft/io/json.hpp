// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/mapped_file.hpp>

namespace peft {

namespace json_reader {

inline constexpr std::size_t deepest = 100;

// Walks over the text and always shows how far the parser has come.
class Cursor {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor(const char* at, const char** seen) : at_(at), seen_(seen) {}
  const char& operator*() const { return *at_; }
  Cursor& operator++() {
    *seen_ = ++at_;
    return *this;
  }
  bool operator==(const Cursor& other) const { return at_ == other.at_; }
  bool operator!=(const Cursor& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** seen_;
};

// Builds the document from the parser's events. The parser keeps its own stack, so a deep document cannot exhaust the
// thread's; the limit keeps everything that later walks the document safe as well.
class Builder {
 public:
  using json = nlohmann::json;
  using number_integer_t = json::number_integer_t;
  using number_unsigned_t = json::number_unsigned_t;
  using number_float_t = json::number_float_t;
  using string_t = json::string_t;
  using binary_t = json::binary_t;

  Builder(std::string_view text, std::string_view where) : seen(text.data()), begin_(text.data()), where_(where) {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(number_integer_t value) { return add(value); }
  bool number_unsigned(number_unsigned_t value) { return add(value); }
  bool number_float(number_float_t value, const string_t&) { return add(value); }
  bool string(string_t& value) { return add(std::move(value)); }
  bool binary(binary_t&) { return false; }
  bool start_object(std::size_t) { return open(json::object()); }
  bool start_array(std::size_t) { return open(json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(string_t& value) {
    if (stack_.back()->contains(value)) stop(seen - begin_, cat("the key \"", value, "\" appears twice"));
    slot_ = &(*stack_.back())[value];
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) {
    std::string_view what = error.what();  // "[json.exception.parse_error.101] parse error at ...: the reason"
    if (const auto end = what.find("] "); end != what.npos) what.remove_prefix(end + 2);
    if (const auto start = what.find(": "); what.starts_with("parse error") && start != what.npos)
      what.remove_prefix(start + 2);
    stop(static_cast<std::ptrdiff_t>(position), what);
  }

  json root;
  const char* seen;

 private:
  template <class Value>
  json* place(Value&& value) {
    if (stack_.empty()) return &(root = std::forward<Value>(value));
    if (!stack_.back()->is_array()) return &(*slot_ = std::forward<Value>(value));
    stack_.back()->push_back(std::forward<Value>(value));
    return &stack_.back()->back();
  }

  template <class Value>
  bool add(Value&& value) {
    place(json(std::forward<Value>(value)));
    return true;
  }

  bool open(json value) {
    if (stack_.size() >= deepest) stop(seen - begin_, cat("nested deeper than ", deepest, " levels"));
    stack_.push_back(place(std::move(value)));
    return true;
  }

  bool close() {
    stack_.pop_back();
    return true;
  }

  [[noreturn]] void stop(std::ptrdiff_t position, std::string_view reason) const {
    fail(where_, ": invalid JSON at byte ", position, ": ", reason);
  }

  const char* begin_;
  std::string_view where_;
  std::vector<json*> stack_;  // the open containers; only the last one grows, so the pointers stay good
  json* slot_ = nullptr;      // where the value of the key just read belongs
};

}  // namespace json_reader

/// Parses one JSON document from a source that is not trusted. `where` names it in errors, usually a file.
/// Throws Error with the byte offset for anything but strict JSON in UTF-8: also for keys that appear twice, nesting
/// beyond 100 levels and numbers beyond a double's range.
inline nlohmann::json parse_json(std::string_view text, std::string_view where) {
  require(!text.empty(), where, ": empty, a JSON document was expected");
  json_reader::Builder builder(text, where);
  const json_reader::Cursor first(text.data(), &builder.seen), last(text.data() + text.size(), &builder.seen);
  require(nlohmann::json::sax_parse(first, last, &builder), where, ": invalid JSON");
  return std::move(builder.root);
}

/// The JSON document in a file; errors name it.
inline nlohmann::json parse_json_file(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_json(file.text(), path.string());
}

/// The text of a document we wrote ourselves; `indent` spaces per level, or one line for -1.
/// Throws Error when a string is not UTF-8 (`where` says which file was to be written).
template <class Json>
std::string to_text(const Json& document, int indent, std::string_view where) {
  try {
    return document.dump(indent);
  } catch (const nlohmann::detail::exception& error) {
    fail("cannot write ", where, ": ", error.what());
  }
}

}  // namespace peft
