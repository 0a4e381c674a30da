// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/read_conll.hpp>
#include <peft/data/read_glue.hpp>
#include <peft/data/row.hpp>
#include <peft/io/mapped_file.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

namespace conll_reader {

struct WordTag {
  std::string text;
  std::size_t line;
};

PEFT_INLINE std::vector<std::string_view> columns(std::string_view line) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin == line.npos) return out;
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(" \t"), line.size());
    out.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

PEFT_INLINE bool is_tag(std::string_view tag) {
  return tag == "O" || (tag.size() > 2 && (tag.starts_with("B-") || tag.starts_with("I-")));
}

/// In IOB2 the first word of an entity has B: after another type, after O, at the start, or where B says so.
PEFT_INLINE void to_iob2(std::vector<WordTag>& tags) {
  std::string_view before = "O";
  std::string last;
  for (WordTag& tag : tags) {
    const bool begins =
        tag.text[0] == 'I' && (before == "O" || before.substr(2) != std::string_view(tag.text).substr(2));
    if (begins) tag.text[0] = 'B';
    last = tag.text;
    before = last;
  }
}

/// O, then B and I of every type in order.
PEFT_INLINE std::vector<std::string> tag_names(const std::vector<std::vector<WordTag>>& sentences, Tags kept) {
  std::set<std::string> types, written;
  for (const auto& sentence : sentences)
    for (const WordTag& tag : sentence)
      if (tag.text != "O") types.insert(tag.text.substr(2)), written.insert(tag.text);
  std::vector<std::string> names{"O"};
  for (const std::string& type : types)
    for (const char* mark : {"B-", "I-"})
      if (kept == Tags::Iob2 || written.contains(mark + type)) names.push_back(mark + type);
  return names;
}

}  // namespace conll_reader

PEFT_INLINE Dataset read_conll_file(const std::filesystem::path& file, Labels labels, const Dataset* train, Tags kept) {
  using namespace conll_reader;
  Dataset out;
  out.source = file.string();
  out.tagged = true;
  const MappedFile mapped(file);
  std::string_view text = table_text(mapped.text(), out.source);
  std::vector<std::vector<WordTag>> sentences;
  std::string words;
  std::vector<WordTag> tags;
  std::size_t line_number = 0, width = 0, width_line = 0;
  const auto end_sentence = [&] {
    if (words.empty()) return;
    if (kept == Tags::Iob2) to_iob2(tags);
    out.examples.push_back({std::exchange(words, {}), {}, 0});
    sentences.push_back(std::exchange(tags, {}));
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++line_number;
    const auto found = columns(line);
    if (found.empty() || found.front() == "-DOCSTART-") {
      end_sentence();
      continue;
    }
    if (width == 0) {
      width = found.size();
      width_line = line_number;
      out.labelled = width > 1;
      require(out.labelled || labels == Labels::Optional, out.source, ", line ", line_number, ": ", quoted(line),
              " is a word without a tag; predict with such a file, but train and evaluate on others");
    }
    require(found.size() == width, out.source, ", line ", line_number, ": ", found.size(), " columns, ", width,
            " were expected as in line ", width_line, ": ", quoted(line));
    const std::string_view tag = width > 1 ? found.back() : "O";
    require(is_tag(tag), out.source, ", line ", line_number, ": the last column is ", quoted(tag),
            "; a tag was expected: O, or B- or I- and a type");
    words += words.empty() ? "" : " ";
    words += found.front();
    tags.push_back({std::string(tag), line_number});
  }
  end_sentence();
  require(!out.examples.empty(), out.source, ": the file holds no sentences");
  out.label_names = train != nullptr ? train->label_names : tag_names(sentences, kept);
  require(train != nullptr || !out.labelled || out.label_names.size() > 1, out.source,
          ": every tag is O; there is nothing to learn");
  std::map<std::string, std::int32_t, std::less<>> classes;
  for (const std::string& name : out.label_names) classes.emplace(name, static_cast<std::int32_t>(classes.size()));
  for (const auto& sentence : sentences) {
    auto& indices = out.tags.emplace_back();
    for (const WordTag& tag : sentence) {
      const auto known = classes.find(tag.text);
      require(known != classes.end(), out.source, ", line ", tag.line, ": the tag ", quoted(tag.text),
              " does not occur in the training file; its tags are ", listed(out.label_names));
      indices.push_back(out.labelled ? known->second : -1);
    }
  }
  return out;
}

PEFT_INLINE Dataset read_conll(const std::filesystem::path& folder, std::string_view split, Labels labels,
                               const Dataset* train, Tags kept) {
  std::vector<std::string> names{cat(split, ".txt")};
  if (split == "dev") names.push_back("valid.txt");
  names.push_back(split == "train" ? "eng.train" : split == "dev" ? "eng.testa" : "eng.testb");
  return read_conll_file(find_split(folder, "", names, cat("the ", split, " split")), labels, train, kept);
}

}  // namespace peft
