// SPDX-License-Identifier: Apache-2.0
#include "predictions.hpp"

#include <peft/data/glue.hpp>
#include <peft/io/json.hpp>
#include <peft/task/score.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "../predict_file.hpp"

using namespace peft;

namespace {

/// Enough digits for a float to be read back.
std::string digits(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", x);
  return text;
}

std::string one_line(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

/// A name as a field of a table.
std::string cell(std::string name) {
  std::replace(name.begin(), name.end(), '\t', ' ');
  return one_line(std::move(name));
}

}  // namespace

Predictions::Predictions(const Options& options, Of of, std::vector<std::string> names)
    : options_(options), of_(of), names_(std::move(names)), file_(predict_file(options)), out_(file_) {
  if (options.predict_format == "glue") out_.write("index\tprediction\n");
  if (options.predict_format != "tsv" || of != Of::Scores) return;
  out_.write("#");
  for (const std::string& name : names_) out_.write(cell(name) + "\t");
  out_.write(names_.empty() ? "score\n" : "prediction\n");
}

void Predictions::add(const Prediction& row) {
  out_.write(options_.predict_format == "glue"    ? as_answer(row)
             : options_.predict_format == "jsonl" ? as_json(row)
                                                  : as_table(row));
  ++index_;
}

/// Logits and the class's name, tabs between; word, tag and predicted tag as conlleval reads them; or the text alone.
std::string Predictions::as_table(const Prediction& row) const {
  std::string text;
  switch (of_) {
    case Of::Scores:
      for (std::size_t c = 0; c < row.scores.size(); ++c) text += (c ? "\t" : "") + digits(row.scores[c]);
      return text + (names_.empty() ? "" : "\t" + cell(row.label)) + "\n";
    case Of::Tags:
      for (std::size_t w = 0; w < row.words.size(); ++w)
        text += row.words[w] + " " + (row.wanted.empty() ? "" : row.wanted[w] + " ") + row.tags[w] + "\n";
      return text + "\n";
    case Of::Texts: break;
  }
  return one_line(row.text) + "\n";
}

/// An object per line.
std::string Predictions::as_json(const Prediction& row) const {
  const auto number = [](double x) { return std::strtod(digits(x).c_str(), nullptr); };
  nlohmann::ordered_json j{{"index", index_}};
  if (of_ == Of::Tags) {
    j["words"] = row.words;
    j["tags"] = row.tags;
  } else if (row.scores.empty()) {
    j["text"] = row.text;
  } else if (names_.empty()) {
    j["score"] = number(row.scores[0]);
  } else {
    j["label"] = row.label;
    for (std::size_t c = 0; c < names_.size(); ++c) j["scores"][names_[c]] = number(row.scores[c]);
  }
  try {
    return j.dump() + "\n";
  } catch (const nlohmann::json::exception&) {
    fail(file_, ": prediction ", index_, " is not UTF-8 and cannot be written as JSON");
  }
}

/// As GLUE's leaderboard takes them.
std::string Predictions::as_answer(const Prediction& row) const {
  const GlueTask& task = glue_task(options_.task);
  return cat(index_, '\t', task.regression() ? digits(row.scores.at(0)) : task.answer(row.label), '\n');
}

void Predictions::add(const LogitPiece<float>& piece, const Dataset& data, const Tokenized& tokens) {
  if (of_ == Of::Tags) return add_tags(piece, data, tokens);
  const std::size_t width = std::max<std::size_t>(names_.size(), 1);
  const std::vector<double> classes = metric::predict(piece.logits, width);
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const auto logits = piece.logits.subspan(i * width, width);
    Prediction row;
    row.scores.assign(logits.begin(), logits.end());
    if (!names_.empty()) row.label = std::isnan(classes[i]) ? "nan" : names_[static_cast<std::size_t>(classes[i])];
    add(row);
  }
}

void Predictions::add_tags(const LogitPiece<float>& piece, const Dataset& data, const Tokenized& tokens) {
  const auto tags = tags_of(piece, tokens, names_);
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const auto index = static_cast<std::size_t>(tokens.example(piece.first + i));
    Prediction row;
    row.tags = tags[i];
    std::istringstream words(data.examples[index].a);
    std::string word;
    for (std::size_t w = 0; w < tags[i].size() && std::getline(words, word, ' '); ++w) {
      row.words.push_back(word);
      if (data.labelled) row.wanted.push_back(names_[static_cast<std::size_t>(data.tags[index][w])]);
    }
    add(row);
  }
}
