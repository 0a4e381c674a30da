// SPDX-License-Identifier: Apache-2.0
#include "job.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <peft/io/atomic_file.hpp>
#include <peft/io/json.hpp>
#include <peft/report/memory.hpp>
#include <peft/report/numbers.hpp>
#include <peft/report/table.hpp>
#include <peft/task/score.hpp>
#include <peft/train/interrupt.hpp>

using namespace peft;

// What a run prints and writes.

namespace {

namespace fs = std::filesystem;

/// A file is replaced whole; a device or a pipe is written to.
void write_output(const std::string& path, const std::string& text) {
  if (!fs::exists(path) || fs::is_regular_file(path)) return write_file(path, text);
  errno = 0;
  std::ofstream out(path, std::ios::binary);
  out << text << std::flush;
  require(out.good(), "cannot write ", path, ": ", std::strerror(errno != 0 ? errno : EIO));
}

}  // namespace

void Job::tell(const std::string& file, const std::vector<std::string>& notes, std::size_t cut) const {
  for (const std::string& note : notes)
    if (told_.insert(note).second) std::cout << "note: " << file << ": " << note << "\n";
  if (cut > 0 && told_.insert(file).second)
    std::cout << "note: " << file << ": " << report::count(static_cast<std::int64_t>(cut)) << (cut == 1 ? " text is" : " texts are") << " cut to --max-length "
              << options.max_length << "\n";
}

void Job::show_model(const std::vector<report::Module>& modules, const std::string& method, const std::string& head) const {
  const std::size_t examples = facts.writes ? pair_loader->data().size() : loader->data().size(),
                    tokens = facts.writes ? pair_loader->data().tokens() : loader->data().tokens(),
                    dev_examples = facts.writes ? dev_pairs->size() : dev_tokens->size();
  notes.begin();
  std::cout << "model   " << options.model << "\n"
            << "task    " << options.task << (facts.writes ? ", text to text: " : ": ") << report::count(static_cast<std::int64_t>(examples))
            << " training examples (" << report::count(static_cast<std::int64_t>(tokens)) << " tokens), "
            << report::count(static_cast<std::int64_t>(dev_examples)) << " dev\n"
            << "method  " << method << "\n"
            << "head    "
            << (facts.writes ? std::string("the checkpoint's own words")
                : !head.empty() ? head
                                : cat("fresh, ", labels(), labels() == 1 ? " output" : train.tagged ? " tags" : " labels",
                                           train.together > 1 ? cat(" for each of ", train.together, " choices") : std::string()))
            << "\n\n"
            << report::delta_tree(modules).text() << "\n";
}

void Job::show_plan(const std::vector<report::Buffer>& buffers, int workers) const {
  std::cout << "Memory of a step (" << workers << (workers == 1 ? " worker" : " workers") << "), planned:\n"
            << report::memory_plan(buffers).text() << "\n"
            << std::flush;
}

void Job::show_epoch(const EpochReport& r, int epochs) const {
  std::cout << "epoch " << r.epoch << "/" << epochs << "  loss " << report::fixed(r.loss, 4);
  for (const auto& [name, value] : r.dev.parts) std::cout << "  dev " << name << " " << report::fixed(value, 4);
  std::cout << (r.best && epochs > 1 ? "  (best)" : "") << "\n" << std::flush;
}

void Job::write_beside() const {
  if (options.out.empty()) return;
  for (const auto& [file, text] : beside_) write_file(fs::path(options.out) / file, text());
}

void Job::write_predictions(const Result& result, const std::vector<float>& dev_logits) const {
  facts.writes ? write_texts(result.texts) : dev.tagged ? write_tags(dev_logits) : write_logits(dev_logits);
}

void Job::finish(const Result& result) const {
  if (result.rank_total > 0)
    std::cout << "ranks: " << result.rank_kept << " of " << result.rank_total << " kept, "
              << result.rank_total - result.rank_kept << " removed (their gates are exactly zero)\n";
  if (result.merge_error >= 0)
    std::cout << "merged into " << options.export_to << ": largest difference of a dev logit " << result.merge_error << "\n";
  if (result.written) {
    std::cout << "wrote " << report::count(static_cast<std::int64_t>(result.texts.size())) << " texts:";
    for (const auto& [name, value] : result.written->parts) std::cout << "  " << name << " " << report::fixed(value, 4);
    std::cout << "\n";
  }
  report::Table table({"method", "trainable", "%", result.dev ? "dev " + result.dev->main_name : "dev", "examples/s", "peak memory"});
  table.add({options.method, report::count(result.trainable), report::percent(double(result.trainable), double(result.total)),
             result.dev ? report::fixed(result.dev->main, 4) : "unlabelled",
             result.history.seconds > 0 ? report::fixed(result.history.examples_per_second(), 1) : "-",
             report::bytes(report::peak_memory())});
  std::cout << "\n" << table.text() << std::flush;
}

int Job::stopped(const History& history) const {
  std::cerr << "stopped after step " << history.steps
            << (options.out.empty() ? "; nothing was saved (there is no --out)\n"
                                    : "; the run is saved: the same command with --resume goes on where it stopped\n");
  return 128 + Interrupt::signal();
}

void Job::write_texts(const std::vector<std::string>& texts) const {
  std::string lines;
  for (std::string text : texts) {
    std::replace_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    lines += text + "\n";
  }
  write_output(options.predict, lines);
}

void Job::write_logits(const std::vector<float>& logits) const {
  std::string text = "#";
  const auto labels = static_cast<std::size_t>(train.together > 1 ? train.together : this->labels());
  for (std::size_t c = 0; c < labels; ++c) text += (c ? "\t" : "") + (labels == 1 ? std::string("score") : train.label_names[c]);
  text += "\n";
  char number[32];
  for (std::size_t i = 0; i < logits.size(); ++i) {
    std::snprintf(number, sizeof number, "%.9g", static_cast<double>(logits[i]));
    text += number;
    text += (i + 1) % labels == 0 ? '\n' : '\t';
  }
  write_output(options.predict, text);
}

void Job::write_tags(const std::vector<float>& logits) const {
  const auto tags = tags_of(logits, *dev_tokens, train.label_names);
  std::string text;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const auto index = static_cast<std::size_t>(dev_tokens->example(i));
    std::istringstream words(dev.examples[index].a);
    std::string word;
    for (std::size_t w = 0; w < tags[i].size() && std::getline(words, word, ' '); ++w) {
      text += word + " ";
      if (dev.labelled) text += dev.label_names[static_cast<std::size_t>(dev.tags[index][w])] + " ";
      text += tags[i][w] + "\n";
    }
    text += "\n";
  }
  write_output(options.predict, text);
}

void Job::write_json(const Result& r, bool more) const {
  if (more && fs::exists(options.json) && !fs::is_regular_file(options.json)) return;
  nlohmann::ordered_json j;
  j["method"] = options.method;
  j["task"] = options.task;
  j["seed"] = options.seed;
  j["trainable"] = r.trainable;
  j["total"] = r.total;
  j["metric"] = r.dev ? r.dev->main_name : "";
  j["dev"] = nlohmann::ordered_json::array();
  j["loss"] = nlohmann::ordered_json::array();
  for (const EpochReport& e : r.history.epochs) {
    j["dev"].push_back(e.dev.main);
    j["loss"].push_back(e.loss);
  }
  if (r.history.epochs.empty() && r.dev) j["dev"].push_back(r.dev->main);
  if (r.dev)
    for (const auto& [name, value] : r.dev->parts) j["scores"][name] = value;
  if (r.written)
    for (const auto& [name, value] : r.written->parts) j["written"][name] = value;
  if (facts.writes ? pair_loader != nullptr : loader != nullptr) j["cut"]["train"] = facts.writes ? pair_loader->data().cut() : loader->data().cut();
  if (facts.writes ? dev_pairs != nullptr : dev_tokens != nullptr) j["cut"]["dev"] = facts.writes ? dev_pairs->cut() : dev_tokens->cut();
  j["steps"] = r.history.steps;
  j["examples"] = r.history.examples;
  j["tokens"] = r.history.tokens;
  j["seconds"] = r.history.seconds;
  j["cpu_seconds"] = r.history.cpu_seconds;
  j["examples_per_second"] = r.history.examples_per_second();
  j["step_memory_mib"] = static_cast<double>(r.step_memory) / 1048576;
  j["peak_memory_mib"] = static_cast<double>(report::peak_memory()) / 1048576;
  if (r.rank_total > 0) {
    j["rank_total"] = r.rank_total;
    j["rank_removed"] = r.rank_total - r.rank_kept;
  }
  if (r.merge_error >= 0) j["merge_error"] = r.merge_error;
  j["step_losses"] = r.history.losses;
  write_output(options.json, j.dump(1) + "\n");
}
