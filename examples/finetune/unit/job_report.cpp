// SPDX-License-Identifier: Apache-2.0
#include "job.hpp"

#include <filesystem>
#include <iostream>

#include <peft/core/interrupt.hpp>
#include <peft/io/atomic_files.hpp>
#include <peft/io/json.hpp>
#include <peft/report/memory.hpp>
#include <peft/report/numbers.hpp>
#include <peft/report/table.hpp>

#include "../output.hpp"

using namespace peft;
namespace fs = std::filesystem;

// What a run prints and writes.

std::string Job::labels_line(bool trained) const {
  if (facts.writes || train.regression || train.together > 1) return "";
  // A head that begins fresh has the order of its data, whatever numbers its rows had.
  const bool told = !classes.note.empty() && (trained || classes.order.by != LabelOrder::By::Numbers);
  return cat("labels  ", in_words(train.label_names), told ? cat(" (", classes.note, ")") : "", "\n");
}

void Job::tell(const std::string& file, const std::vector<std::string>& notes, std::size_t cut) const {
  for (const std::string& note : notes)
    if (told_.insert(note).second) std::cout << "note: " << file << ": " << note << "\n";
  if (cut > 0 && told_.insert(file).second)
    std::cout << "note: " << file << ": " << report::count(static_cast<std::int64_t>(cut))
              << (cut == 1 ? " text is" : " texts are") << " cut to --max-length " << options.max_length << "\n";
}

void Job::show_model(const std::vector<report::Module>& modules, const std::string& method,
                     const std::string& head) const {
  const auto of = [](const auto& loader) {
    return loader ? std::pair(loader->data().size(), loader->data().tokens()) : std::pair<std::size_t, std::size_t>();
  };
  const auto size = [](const auto& data) { return data ? static_cast<std::int64_t>(data->size()) : 0; };
  const auto [examples, tokens] = facts.writes ? of(pair_loader) : of(loader);
  const std::int64_t dev_examples = facts.writes ? size(dev_pairs) : size(dev_tokens),
                     asked_examples = facts.writes ? size(asked_prompts) : size(asked_tokens);
  notes.begin();
  std::cout << "model   " << options.model << "\n"
            << "task    " << options.task << (facts.writes ? ", text to text: " : ": ")
            << report::count(static_cast<std::int64_t>(examples)) << " training examples ("
            << report::count(static_cast<std::int64_t>(tokens)) << " tokens), " << report::count(dev_examples) << " dev"
            << (asked_examples > 0 ? cat(", ", report::count(asked_examples), " to predict") : "") << "\n"
            << "method  " << method << "\n"
            << "head    "
            << (facts.writes ? std::string("the checkpoint's own words")
                : !head.empty()
                    ? head
                    : cat("fresh, ", labels(),
                          labels() == 1  ? " output"
                          : train.tagged ? " tags"
                                         : " labels",
                          train.together > 1 ? cat(" for each of ", train.together, " choices") : std::string()))
            << "\n"
            << labels_line(!head.empty()) << "\n"
            << report::delta_tree(modules).text() << "\n";
}

void Job::show_plan(int workers) const {
  std::cout << "Memory of the run at its most (" << workers << (workers == 1 ? " worker" : " workers")
            << "), planned:\n"
            << report::memory_plan(memory.at_peak()).text() << "\n"
            << std::flush;
}

void Job::show_epoch(const EpochReport& r, int epochs) const {
  std::cout << "epoch " << r.epoch << "/" << epochs << "  loss " << report::fixed(r.loss, 4);
  for (const auto& [name, value] : r.dev.parts) std::cout << "  dev " << name << " " << report::fixed(value, 4);
  std::cout << (r.best && epochs > 1 ? "  (best)" : "") << "\n" << std::flush;
}

void Job::stage_beside(AtomicFiles& files, const DeltaFile& trained) const {
  for (const auto& [file, text] : beside_) files.add(fs::path(options.out) / file).write(text(trained));
}

void Job::finish(const Result& result) const {
  if (result.rank_total > 0)
    std::cout << "ranks: " << result.rank_kept << " of " << result.rank_total << " kept, "
              << result.rank_total - result.rank_kept << " removed (their gates are exactly zero)\n";
  if (result.merge_error >= 0)
    std::cout << "merged into " << options.export_to << ": largest difference of a dev logit " << result.merge_error
              << "\n";
  if (result.written) {
    std::cout << "wrote " << report::count(static_cast<std::int64_t>(result.texts.size())) << " texts:";
    for (const auto& [name, value] : result.written->parts) std::cout << "  " << name << " " << report::fixed(value, 4);
    std::cout << "\n";
  }
  report::Table table(
      {"method", "trainable", "%", result.dev ? "dev " + result.dev->main_name : "dev", "examples/s", "peak memory"});
  table.add({options.method, report::count(result.trainable),
             report::percent(double(result.trainable), double(result.total)),
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

void Job::write_json(const Result& r, bool more) const {
  if (more && is_stream(options.json)) return;
  nlohmann::ordered_json j;
  j["method"] = options.method;
  j["task"] = options.task;
  j["seed"] = options.seed;
  if (!facts.writes && !train.label_names.empty()) j["labels"] = train.label_names;
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
  if (facts.writes ? pair_loader != nullptr : loader != nullptr)
    j["cut"]["train"] = facts.writes ? pair_loader->data().cut() : loader->data().cut();
  if (facts.writes ? dev_pairs != nullptr : dev_tokens != nullptr)
    j["cut"]["dev"] = facts.writes ? dev_pairs->cut() : dev_tokens->cut();
  j["steps"] = r.history.steps;
  j["examples"] = r.history.examples;
  j["tokens"] = r.history.tokens;
  j["seconds"] = r.history.seconds;
  j["cpu_seconds"] = r.history.cpu_seconds;
  j["examples_per_second"] = r.history.examples_per_second();
  j["step_memory_mib"] = static_cast<double>(r.step_memory) / 1048576;
  j["planned_memory_mib"] = static_cast<double>(memory.peak().resident) / 1048576;
  j["peak_memory_mib"] = static_cast<double>(report::peak_memory()) / 1048576;
  if (r.rank_total > 0) {
    j["rank_total"] = r.rank_total;
    j["rank_removed"] = r.rank_total - r.rank_kept;
  }
  if (r.merge_error >= 0) j["merge_error"] = r.merge_error;
  j["step_losses"] = r.history.losses;
  write_output(options.json, j.dump(1) + "\n");
}
