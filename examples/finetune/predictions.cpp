// SPDX-License-Identifier: Apache-2.0
#include "predictions.hpp"

#include <peft/data/glue.hpp>
#include <peft/io/json.hpp>
#include <peft/task/score.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "output.hpp"

using namespace peft;

namespace {

using Of = Predictions::Of;

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

/// Logits and the class's name, tabs between; word, tag and predicted tag as conlleval reads them; or the text alone.
std::string as_table(const Predictions& all) {
  std::string text;
  if (all.of == Of::Scores) {
    text = "#";
    for (const std::string& name : all.names) text += cell(name) + "\t";
    text += all.names.empty() ? "score\n" : "prediction\n";
  }
  for (const Prediction& row : all.rows) {
    switch (all.of) {
      case Of::Scores:
        for (std::size_t c = 0; c < row.scores.size(); ++c) text += (c ? "\t" : "") + digits(row.scores[c]);
        text += (all.names.empty() ? "" : "\t" + cell(row.label)) + "\n";
        break;
      case Of::Tags:
        for (std::size_t w = 0; w < row.words.size(); ++w)
          text += row.words[w] + " " + (row.wanted.empty() ? "" : row.wanted[w] + " ") + row.tags[w] + "\n";
        text += "\n";
        break;
      case Of::Texts: text += one_line(row.text) + "\n";
    }
  }
  return text;
}

/// An object per line.
std::string as_json_lines(const Predictions& all, const std::string& where) {
  std::string text;
  for (std::size_t i = 0; i < all.rows.size(); ++i) {
    const Prediction& row = all.rows[i];
    const auto number = [](double x) { return std::strtod(digits(x).c_str(), nullptr); };
    nlohmann::ordered_json j{{"index", i}};
    if (all.of == Of::Tags) {
      j["words"] = row.words;
      j["tags"] = row.tags;
    } else if (row.scores.empty()) {
      j["text"] = row.text;
    } else if (all.names.empty()) {
      j["score"] = number(row.scores[0]);
    } else {
      j["label"] = row.label;
      for (std::size_t c = 0; c < all.names.size(); ++c) j["scores"][all.names[c]] = number(row.scores[c]);
    }
    try {
      text += j.dump() + "\n";
    } catch (const nlohmann::json::exception&) {
      fail(where, ": prediction ", i, " is not UTF-8 and cannot be written as JSON");
    }
  }
  return text;
}

/// As GLUE's leaderboard takes them.
std::string as_submission(const Predictions& all, const GlueTask& task) {
  std::string text = "index\tprediction\n";
  for (std::size_t i = 0; i < all.rows.size(); ++i) {
    const Prediction& row = all.rows[i];
    text += cat(i, '\t', task.regression() ? digits(row.scores.at(0)) : task.answer(row.label), '\n');
  }
  return text;
}

/// In a folder a submission has the name that the leaderboard wants.
std::string file_of(const Options& o) {
  if (o.predict_format != "glue" || !std::filesystem::is_directory(o.predict)) return o.predict;
  return (std::filesystem::path(o.predict) / glue_task(o.task).submission(o.split)).string();
}

Predictions tags_of_words(const std::vector<float>& logits, const Dataset& data, const Tokenized& tokens, const std::vector<std::string>& names) {
  Predictions all{Of::Tags, names, {}};
  const auto tags = tags_of(logits, tokens, names);
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const auto index = static_cast<std::size_t>(tokens.example(i));
    Prediction row;
    row.tags = tags[i];
    std::istringstream words(data.examples[index].a);
    std::string word;
    for (std::size_t w = 0; w < tags[i].size() && std::getline(words, word, ' '); ++w) {
      row.words.push_back(word);
      if (data.labelled) row.wanted.push_back(names[static_cast<std::size_t>(data.tags[index][w])]);
    }
    all.rows.push_back(std::move(row));
  }
  return all;
}

}  // namespace

Predictions predictions_of(const std::vector<float>& logits, const Dataset& data, const Tokenized& tokens, const std::vector<std::string>& names) {
  if (data.tagged) return tags_of_words(logits, data, tokens, names);
  Predictions all{Of::Scores, names, {}};
  const std::size_t width = std::max<std::size_t>(names.size(), 1);
  const std::vector<double> classes = decide(logits, width);
  for (std::size_t i = 0; i < classes.size(); ++i) {
    Prediction row;
    row.scores.assign(logits.begin() + static_cast<std::ptrdiff_t>(i * width), logits.begin() + static_cast<std::ptrdiff_t>((i + 1) * width));
    if (!names.empty()) row.label = std::isnan(classes[i]) ? "nan" : names[static_cast<std::size_t>(classes[i])];
    all.rows.push_back(std::move(row));
  }
  return all;
}

void write_predictions(const Options& o, const Predictions& all) {
  const std::string file = file_of(o);
  write_output(file, o.predict_format == "glue" ? as_submission(all, glue_task(o.task)) : o.predict_format == "jsonl" ? as_json_lines(all, file) : as_table(all));
}
