// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_source.hpp>
#include <peft/io/mapped_file.hpp>

namespace peft {

namespace json_reader {

constexpr std::size_t deepest = 100, most_of_a_member = std::size_t{1} << 20;

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

  using Use = std::function<void(std::string&, json&)>;

  /// `use`: gets the members of the outermost object instead.
  Builder(std::string_view where, std::size_t most, const Use* use = nullptr) : where_(where), most_(most), use_(use) {}

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
    if (use_ != nullptr && stack_.size() == 1) {
      member_key_ = std::move(value), slot_ = &member_;
      return true;
    }
    if (stack_.back()->contains(value)) stop(seen, cat("the key \"", value, "\" appears twice"));
    slot_ = &(*stack_.back())[value];
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) {
    stop(position, reason(error));
  }

  json root;
  std::size_t seen = 0;  // characters that the parser has taken

 private:
  json* place(json&& value) {
    if (++values_ > most_) stop(seen, cat("more than ", most_, use_ == nullptr ? " values" : " values in one member"));
    if (stack_.empty()) return &(root = std::move(value));
    if (!stack_.back()->is_array()) return &(*slot_ = std::move(value));
    stack_.back()->push_back(std::move(value));
    return &stack_.back()->back();
  }

  bool add(json&& value) {
    if (use_ != nullptr && stack_.empty()) stop(seen, "an object was expected");
    place(std::move(value));
    return ended();
  }

  bool open(json&& value) {
    if (stack_.size() >= deepest) stop(seen, cat("nested deeper than ", deepest, " levels"));
    if (use_ != nullptr && stack_.empty() && value.is_array()) stop(seen, "an object was expected");
    stack_.push_back(place(std::move(value)));
    return true;
  }

  bool close() {
    stack_.pop_back();
    return ended();
  }

  // Behind a value: hands a whole member over.
  bool ended() {
    if (use_ == nullptr || stack_.size() != 1) return true;
    (*use_)(member_key_, member_);
    member_ = nullptr, values_ = 0;
    return true;
  }

  [[noreturn]] void stop(std::size_t position, std::string_view reason) const {
    fail(where_, ": invalid JSON at byte ", position, ": ", reason);
  }

  std::string_view where_;
  std::size_t most_;  // values, of the document or of a member
  std::vector<json*> stack_;  // the open containers; only the last one grows, so the pointers stay good
  json* slot_ = nullptr;      // where the value of the key just read belongs
  const Use* use_;
  std::string member_key_;
  json member_;
  std::size_t values_ = 0;
};

PEFT_INLINE void parse(std::string_view text, std::string_view where, Builder& builder) {
  require(!text.empty(), where, ": empty, a JSON document was expected");
  // To the parser a zero byte is the end, whatever follows.
  if (const auto zero = text.find('\0'); zero != text.npos)
    fail(where, ": invalid JSON at byte ", zero + 1, ": a zero byte; the file is damaged");
  // json::sax_parse would compile the readers of all binary formats along with it
  nlohmann::detail::parser<nlohmann::json, Source> parser(Source(text, builder.seen));
  require(parser.sax_parse(&builder), where, ": invalid JSON");
}

// Hears the parser's events for the keys of one member of the document.
class MemberKeys : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit MemberKeys(std::string_view member) : member_(member) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return ++depth_, true; }
  bool start_array(std::size_t) override { return ++depth_, true; }
  bool end_object() override { return --depth_, true; }
  bool end_array() override { return --depth_, true; }
  bool key(string_t& name) override {
    if (depth_ == 1) inside_ = name == member_;
    if (depth_ == 2 && inside_) found.push_back(name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  std::vector<std::string> found;

 private:
  std::string_view member_;
  int depth_ = 0;
  bool inside_ = false;
};

}  // namespace json_reader

PEFT_INLINE nlohmann::json parse_json(std::string_view text, std::string_view where, std::size_t most) {
  json_reader::Builder builder(where, most);
  json_reader::parse(text, where, builder);
  return std::move(builder.root);
}

PEFT_INLINE void for_each_member(std::string_view text, std::string_view where,
                                 const std::function<void(std::string&, nlohmann::json&)>& use) {
  json_reader::Builder builder(where, json_reader::most_of_a_member, &use);
  json_reader::parse(text, where, builder);
}

PEFT_INLINE std::vector<std::string> keys_of_member(std::string_view text, std::string_view member) {
  json_reader::MemberKeys keys(member);
  std::size_t seen = 0;
  nlohmann::detail::parser<nlohmann::json, json_reader::Source> parser(json_reader::Source(text, seen));
  parser.sax_parse(&keys);
  return std::move(keys.found);
}

PEFT_INLINE nlohmann::json parse_json_file(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_json(file.text(), path.string());
}

PEFT_INLINE std::string to_text(const nlohmann::json& document, int indent, std::string_view where) {
  try {
    return document.dump(indent);
  } catch (const nlohmann::detail::exception& error) {
    fail("cannot write ", where, ": ", error.what());
  }
}

}  // namespace peft
