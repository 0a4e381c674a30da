// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/core/interrupt.hpp>
#include <peft/data/conll_tags.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/read_conll.hpp>
#include <peft/data/row.hpp>
#include <peft/data/split_files.hpp>
#include <peft/data/text_file.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

namespace conll_reader {

/// A line of a word, or perhaps a comment.
struct Line {
  std::size_t number = 0, columns = 0;
  std::string_view text, word, last;
  bool perhaps_comment = false;
};
using Sentence = std::vector<Line>;

PEFT_INLINE Line line_of(std::string_view text, std::size_t number) {
  Line out{number, 0, text, {}, {}};
  for (std::string_view rest = text;;) {
    const auto begin = rest.find_first_not_of(" \t");
    if (begin == rest.npos) return out;
    rest.remove_prefix(begin);
    const auto end = std::min(rest.find_first_of(" \t"), rest.size());
    out.last = rest.substr(0, end);
    if (out.columns++ == 0) out.word = out.last;
    rest.remove_prefix(end);
  }
}

PEFT_INLINE std::vector<Sentence> sentences_of(std::string_view text) {
  std::vector<Sentence> all;
  bool within = false;     // a sentence, behind its first word
  bool commented = false;  // at its beginning
  for (std::size_t number = 1; !text.empty(); ++number) {
    Interrupt::check();
    Line line = line_of(take_line(text), number);
    if (line.columns == 0 || lower_case(line.word) == "-docstart-") {
      within = commented = false;
      continue;
    }
    line.perhaps_comment = !within && line.word.front() == '#';
    if (!within && !commented) all.emplace_back();
    (line.perhaps_comment ? commented : within) = true;
    all.back().push_back(line);
  }
  return all;
}

/// Leaves out what is no word with a tag; returns how many lines that were.
PEFT_INLINE std::size_t drop_comments(std::vector<Sentence>& all, std::size_t width, auto&& is_tag) {
  std::size_t dropped = 0;
  for (Sentence& sentence : all)
    dropped += std::erase_if(sentence, [&](const Line& line) {
      return line.perhaps_comment && (line.columns != width || (width > 1 && !is_tag(line.last)));
    });
  std::erase_if(all, [](const Sentence& sentence) { return sentence.empty(); });
  return dropped;
}

/// The first line that is surely a word, or the first.
PEFT_INLINE const Line& first_word(const std::vector<Sentence>& all) {
  for (const Sentence& sentence : all)
    for (const Line& line : sentence)
      if (!line.perhaps_comment) return line;
  return all.front().front();
}

/// O, then B and I of every type in order.
PEFT_INLINE std::vector<std::string> tag_names(const std::vector<std::vector<EntityTag>>& sentences, Tags kept) {
  std::set<std::string_view> types;
  std::set<std::string> written;
  for (const auto& sentence : sentences)
    for (const EntityTag& tag : sentence)
      if (tag.mark != 'O') types.insert(tag.type), written.insert(tag.name());
  std::vector<std::string> names{"O"};
  for (const std::string_view type : types)
    for (const char mark : {'B', 'I'})
      if (std::string name = EntityTag{mark, type}.name(); kept == Tags::Iob2 || written.contains(name))
        names.push_back(std::move(name));
  return names;
}

/// The file's lines and what their tags mean.
struct Parsed {
  std::vector<Sentence> sentences;
  std::vector<std::vector<EntityTag>> tags;
};

PEFT_INLINE Parsed parse(Dataset& out, std::string_view text, bool tagged, const Dataset* train, Tags kept) {
  Parsed parsed{sentences_of(text), {}};
  auto& all = parsed.sentences;
  require(!all.empty(), out.source, ": the file holds no sentences");
  const Line first = first_word(all);
  out.labelled = tagged && first.columns > 1;
  std::vector<std::string_view> found;
  for (const Sentence& sentence : all)
    for (const Line& line : sentence)
      if (!line.perhaps_comment && out.labelled) found.push_back(line.last);
  const TagScheme scheme(found, train != nullptr);
  const std::set<std::string_view> known(found.begin(), found.end());
  const std::size_t comments = drop_comments(all, first.columns, [&](std::string_view tag) {
    return !out.labelled || known.contains(tag) || scheme.has_marked(tag);
  });
  if (comments > 0)
    out.notes.push_back(cat(comments, comments == 1 ? " line is a comment (#)" : " lines are comments (#)"));
  std::size_t begun = 0;
  for (const Sentence& sentence : all) {
    auto& tags = parsed.tags.emplace_back();
    for (const Line& line : sentence) {
      if (line.columns != first.columns)
        fail(out.source, ", line ", line.number, ": ", line.columns, " columns, ", first.columns,
             " were expected as in line ", first.number, ": ", quoted(line.text));
      if (out.labelled && !scheme.has(line.last))
        fail(out.source, ", line ", line.number, ": the last column is ", quoted(line.last),
             "; a tag was expected: O, or B- or I- and a type");
      tags.push_back(out.labelled ? scheme.read(line.last) : EntityTag());
    }
    if (kept == Tags::Iob2) begun += to_iob2(tags);
  }
  if (!scheme.note().empty())
    out.notes.push_back(scheme.note());
  else if (begun > 0)
    out.notes.push_back(cat(begun, begun == 1 ? " entity begins" : " entities begin",
                            " with I (IOB1 or IO) and is read as if with B (IOB2)"));
  return parsed;
}

}  // namespace conll_reader

PEFT_INLINE Dataset read_conll_file(const std::filesystem::path& path, Labels labels, const Dataset* train, Tags kept) {
  using namespace conll_reader;
  Dataset out;
  out.source = path.string();
  out.tagged = true;
  const TextFile file(path);
  const auto [sentences, tags] = parse(out, file.text(), labels != Labels::Ignored, train, kept);
  if (!out.labelled && labels == Labels::Required) {
    const Line& line = first_word(sentences);
    fail(out.source, ", line ", line.number, ": ", quoted(line.text),
         " is a word without a tag; predict with such a file, but train and evaluate on others");
  }
  out.label_names = train != nullptr ? train->label_names : tag_names(tags, kept);
  require(train != nullptr || !out.labelled || out.label_names.size() > 1, out.source,
          ": every tag is O; there is nothing to learn");
  constexpr std::size_t most = 10000;
  require(out.label_names.size() <= 2 * most + 1, out.source, ": there are more than ", most,
          " types of entities; is its last column the tag?");
  std::map<std::string, std::int32_t, std::less<>> classes;
  for (const std::string& name : out.label_names) classes.emplace(name, static_cast<std::int32_t>(classes.size()));
  for (std::size_t s = 0; s < sentences.size(); ++s) {
    std::string words;
    auto& indices = out.tags.emplace_back();
    for (std::size_t w = 0; w < sentences[s].size(); ++w) {
      words.append(w == 0 ? "" : " ").append(sentences[s][w].word);
      const auto known = classes.find(tags[s][w].name());
      if (out.labelled && known == classes.end())
        fail(out.source, ", line ", sentences[s][w].number, ": the tag ", quoted(tags[s][w].name()),
             " does not occur in ", train != nullptr ? train->source : "the training file", "; its tags are ",
             listed(out.label_names));
      indices.push_back(out.labelled ? known->second : -1);
    }
    out.examples.push_back({std::move(words), {}, 0});
  }
  return out;
}

PEFT_INLINE Dataset read_conll(const std::filesystem::path& folder, std::string_view split, Labels labels,
                               const Dataset* train, Tags kept) {
  std::vector<std::string> notes, more;
  const std::string_view ending = split == "train" ? ".train" : split == "dev" ? ".testa" : ".testb";
  for (const char* language : {"eng", "deu", "esp", "ned"}) more.push_back(cat(language, ending));
  const auto file = find_split_file(folder, split, {".txt", ".tsv", ".conll", ".iob", ".iob2", ".bio"}, notes, more);
  Dataset out = read_conll_file(file, labels, train, kept);
  out.notes.insert(out.notes.begin(), notes.begin(), notes.end());
  return out;
}

}  // namespace peft
