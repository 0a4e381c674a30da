// SPDX-License-Identifier: Apache-2.0
#include "job.hpp"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <peft/core/rng.hpp>
#include <peft/data/read_e2e.hpp>
#include <peft/data/read_glue_pairs.hpp>
#include <peft/data/read_pairs.hpp>
#include <peft/data/read_task.hpp>
#include <peft/io/atomic_file.hpp>
#include <peft/io/config.hpp>
#include <peft/io/json.hpp>
#include <peft/report/memory.hpp>
#include <peft/report/numbers.hpp>
#include <peft/report/table.hpp>
#include <peft/task/score.hpp>

using namespace peft;
namespace fs = std::filesystem;

namespace {

std::string quoted_list(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

/// A file is replaced whole; a device or a pipe is written to.
void write_output(const std::string& path, const std::string& text) {
  if (!fs::exists(path) || fs::is_regular_file(path)) return write_file(path, text);
  errno = 0;
  std::ofstream out(path, std::ios::binary);
  out << text << std::flush;
  require(out.good(), "cannot write ", path, ": ", std::strerror(errno != 0 ? errno : EIO));
}

/// Before hours of training: can the file be written at their end?
void check_output(const char* option, const std::string& path) {
  if (path.empty()) return;
  const fs::path folder = fs::path(path).has_parent_path() ? fs::path(path).parent_path() : fs::path(".");
  require(!fs::is_directory(path), option, " ", path, ": it is a folder, a file name was expected");
  require(fs::is_directory(folder), option, " ", path, ": there is no folder ", folder);
  require(::access(folder.c_str(), W_OK) == 0 || fs::exists(path), option, " ", path, ": ", folder, ": ", std::strerror(errno));
}

}  // namespace

std::string shortest(double x) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, x).ptr};
}

Job::Job(Options given)
    : options(std::move(given)), facts(read_facts(options.model)),
      kind(facts.writes && (options.task == "e2e" || options.task == "pairs") ? metric::Kind::Accuracy : metric::kind_of(options.task)) {
  check_output("--json", options.json);
  check_output("--predict", options.predict);
  if (!options.export_to.empty()) {
    fs::create_directories(options.export_to);
    std::error_code absent;
    require(!fs::equivalent(options.export_to, options.model, absent), "--export ", options.export_to,
            ": it is the folder of --model; give another");
  }
  const bool tags = options.task == "conll", chooses = options.task == "choice";
  require(options.pooling == "first" || !(tags || chooses), "--pooling ", options.pooling, ": --task ", options.task,
          tags ? " reads every token" : " reads the first token");
  head_deviation_ = facts.head_deviation;
  tokenizer = std::make_unique<Tokenizer>(Tokenizer::open(options.model));
  if (!options.load.empty()) {
    if (has_delta(options.load))
      delta = load_delta(options.load);
    else
      adapter = load_peft(options.load);
  }
  if (facts.writes) {
    read_texts();
    return;
  }
  require(options.task != "e2e" && options.task != "pairs", "--task ", options.task, ": text to text, for a backbone that writes (T5, GPT-2, Llama); this is ", facts.family);
  train = read_task(options.task, options.data, "train");
  dev = read_task(options.task, options.data, "dev", Labels::Optional, &train);
  if (train.regression && kind == metric::Kind::Accuracy) kind = metric::Kind::PearsonSpearman;
  TokenizeOptions cut;
  cut.max_length = options.max_length;
  cut.model_max_length = facts.longest;
  dev_tokens = std::make_unique<Tokenized>(dev, *tokenizer, cut);
  if (const std::size_t lost = dev_tokens->lost_words(); lost > 0)
    std::cerr << "warning: " << lost << " dev words have no token within --max-length " << options.max_length << "; they count as tagged O\n";
  cut.limit = options.limit;
  cut.seed = options.seed;
  LoaderOptions batches;
  batches.batch = options.batch;
  batches.tokens = options.batch_tokens;
  batches.bucket = static_cast<int>(options.bucket);
  batches.seed = options.seed;
  loader = std::make_unique<Loader>(Tokenized(train, *tokenizer, cut), batches);
  train.examples.clear();
  train.examples.shrink_to_fit();
}

void Job::read_texts() {
  require(options.pooling == "first", "--pooling ", options.pooling, ": a backbone that writes has no pooling");
  require(options.task != "csv" && options.task != "conll" && options.task != "choice", "--task ", options.task,
          ": a ", facts.family, " writes text: take a GLUE task, e2e or pairs");
  PairDataset texts;
  if (options.task == "e2e") {
    // The test split stands in where the official training file is not there.
    const bool whole = fs::exists(fs::path(options.data) / "trainset.csv");
    texts = read_e2e(options.data, whole ? "train" : "dev");
    dev_texts = read_e2e(options.data, whole ? "dev" : "test");
    if (!whole) std::cerr << "warning: " << options.data << " has no trainset.csv: training on devset.csv, evaluating on testset_w_refs.csv\n";
  } else if (options.task == "pairs") {
    texts = read_pairs(options.data, "train");
    dev_texts = read_pairs(options.data, "dev");
  } else {
    words = glue_text(options.task);
    texts = read_glue_pairs(*words, options.data, "train");
    dev_texts = read_glue_pairs(*words, options.data, "dev");
  }
  const std::int64_t evaluated = static_cast<std::int64_t>(setting("dev-limit", 0));
  if (evaluated > 0 && evaluated < static_cast<std::int64_t>(dev_texts.pairs.size())) {
    dev_texts.pairs.resize(static_cast<std::size_t>(evaluated));
    if (!dev_texts.labels.empty()) dev_texts.labels.resize(static_cast<std::size_t>(evaluated));
  }
  LoaderOptions batches;
  batches.batch = options.batch;
  batches.tokens = options.batch_tokens;
  batches.bucket = static_cast<int>(options.bucket);
  batches.seed = options.seed;
  pair_loader = std::make_unique<LoaderOf<TokenizedPairs>>(tokenized(texts, options.limit), batches);
  dev_pairs = std::make_unique<TokenizedPairs>(tokenized(dev_texts, 0));
}

TokenizedPairs Job::tokenized(const PairDataset& pairs, std::int64_t limit) const {
  const int end = facts.end.empty() ? -1 : facts.end.front(), room = std::min(facts.longest, 1 << 20);
  if (facts.paired) {
    SequenceToSequenceOptions o;
    o.start = facts.start;
    o.eos = end;
    o.max_source = o.max_target = options.max_length;
    o.model_max_length = room;
    o.vocabulary = facts.vocabulary;
    o.limit = limit;
    o.seed = options.seed;
    return TokenizedPairs::sequence_to_sequence(pairs, *tokenizer, o);
  }
  CausalOptions o;
  o.after_source = setting("separator", std::string("\n"));
  o.eos = end;
  o.max_length = options.max_length;
  o.model_max_length = room;
  o.vocabulary = facts.vocabulary;
  o.limit = limit;
  o.seed = options.seed;
  return TokenizedPairs::causal(pairs, *tokenizer, o);
}

std::vector<std::vector<std::int32_t>> Job::class_ids() const {
  std::vector<std::vector<std::int32_t>> ids;
  for (const auto& label : words->task.labels) {
    ids.push_back(tokenizer->ids(label));
    if (!facts.end.empty()) ids.back().push_back(facts.end.front());
  }
  return ids;
}

peft::FitOptions Job::fit_options(double standard) const {
  const Options& o = options;
  FitOptions fit;
  fit.epochs = o.epochs;
  fit.lr = o.lr >= 0 ? o.lr : standard;
  fit.schedule = schedule_kind(o.schedule);
  fit.warmup = o.warmup;
  fit.optimizer.weight_decay = o.weight_decay;
  fit.clip = o.clip;
  fit.accumulate = o.accumulate;
  fit.seed = o.seed;
  fit.patience = o.patience;
  fit.resume = o.resume;
  fit.checkpoint_steps = o.checkpoint_steps;
  fit.identity = identity();
  if (!o.out.empty() && o.epochs > 0) {
    fs::create_directories(o.out);
    fit.checkpoint = fs::path(o.out) / "run.safetensors";
  }
  fit.on_warning = [](const std::string& text) { std::cerr << "warning: " << text << "\n"; };
  return fit;
}

int Job::longest() const {
  if (facts.writes) return std::max(pair_loader->data().longest(), dev_pairs->longest());
  return std::max(loader->data().longest(), dev_tokens->longest());
}

FirstTask Job::first_task() const {
  if (train.together > 1) return Choose(train.together, head_deviation_);
  return Classify{labels(), head_deviation_};
}

RowsTask Job::rows_task() const {
  if (train.tagged) return Tag{{labels(), head_deviation_}};
  return ClassifyMean{labels(), head_deviation_};
}

metric::Scores Job::score(const std::vector<float>& logits) const {
  if (!dev.labelled) return {{}, std::nan(""), "unlabelled"};
  if (dev.tagged) return score_tags(logits, *dev_tokens, dev);
  if (dev.together > 1) return score_choices(logits, *dev_tokens);
  return metric::score(kind, decide(logits, static_cast<std::size_t>(labels())), targets_of(*dev_tokens));
}

SiteSet Job::sites(SiteSet standard, SiteSet possible) const {
  std::string list = options.sites;
  list = setting("sites", list);
  // Nothing but a head on the first token reads the pooler.
  if (reads_rows()) possible = {possible.bits & ~Pooler.bits};
  possible = possible & facts.sites;
  if (list.empty()) return standard & possible;
  SiteSet set;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string name = list.substr(begin, end - begin);
    SiteSet found;
    std::vector<std::string> known;
    for (const SiteInfo& s : site_table)
      if (possible.contains(s.site)) {
        known.emplace_back(s.name);
        if (glob(name, s.name)) found = found | only(s.site);
      }
    require(!found.empty(), "--sites: \"", name, "\" names no site that --method ", options.method,
            " can sit on; there are: ", quoted_list(known), " (and * stands for any text)");
    set = set | found;
    begin = end + 1;
  }
  return set;
}

std::string Job::base_model() const { return options.base_model.empty() ? options.model : options.base_model; }

namespace {

/// What a run's data are, as a number.
std::uint64_t hash_of(const auto& tokenized) {
  std::uint64_t hash = tokenized.size();
  for (std::size_t i = 0; i < tokenized.size(); ++i) {
    Batch one;
    tokenized.add_to(one, i);
    for (const std::int32_t id : one.ids) hash = rng::combine(hash, static_cast<std::uint64_t>(id));
    for (const double target : one.targets) hash = rng::combine(hash, std::bit_cast<std::uint64_t>(target));
  }
  return hash;
}

}  // namespace

std::map<std::string, std::string> Job::identity() const {
  const std::uint64_t data = facts.writes ? hash_of(pair_loader->data()) : hash_of(loader->data());
  const std::size_t examples = facts.writes ? pair_loader->data().size() : loader->data().size();
  const Options& o = options;
  std::string all_settings;
  for (const auto& [key, value] : settings_) all_settings += key + "=" + value + " ";
  return {{"task", o.task},
          {"data", cat(examples, " examples, hash ", data)},
          {"method", o.method},
          {"rank", cat(o.rank)},
          {"alpha", shortest(o.alpha)},
          {"sites", o.sites},
          {"settings", all_settings},
          {"load", o.load},
          {"pooling", o.pooling},
          {"batch", cat(o.batch)},
          {"batch-tokens", cat(o.batch_tokens)},
          {"bucket", cat(o.bucket)},
          {"max-length", cat(o.max_length)},
          {"dropout", shortest(o.dropout)},
          {"delta-dropout", shortest(o.delta_dropout)}};
}

std::string Job::setting(const std::string& key, const std::string& standard) const {
  std::string value = standard;
  if (delta)
    if (const auto saved = delta->settings.find(key); saved != delta->settings.end()) value = saved->second;
  for (const std::string& given : options.settings)
    if (given.starts_with(key + "=")) value = given.substr(key.size() + 1);
  return settings_[key] = value;
}

double Job::setting(const std::string& key, double standard) const {
  const std::string text = setting(key, shortest(standard));
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  require(problem == std::errc() && end == text.data() + text.size() && std::isfinite(value), "the setting ", key, " is \"", text,
          "\", expected a number");
  return value;
}

int Job::choice(const std::string& key, const std::vector<std::string>& names) const {
  const std::string text = setting(key, names[0]);
  const auto found = std::find(names.begin(), names.end(), text);
  require(found != names.end(), "the setting ", key, " is \"", text, "\", expected one of ", quoted_list(names));
  return static_cast<int>(found - names.begin());
}

const std::map<std::string, std::string>& Job::settings() const {
  for (const std::string& given : options.settings) {
    const std::string key = given.substr(0, given.find('='));
    std::vector<std::string> known;
    for (const auto& [name, value] : settings_) known.push_back(name);
    require(settings_.contains(key) && given.find('=') != given.npos, "--set ", given, ": expected NAME=VALUE; --method ",
            options.method, " has the settings ", quoted_list(known));
  }
  return settings_;
}

void Job::show_model(const std::vector<report::Module>& modules, const std::string& method, bool head_from_checkpoint) const {
  const std::size_t examples = facts.writes ? pair_loader->data().size() : loader->data().size(),
                    tokens = facts.writes ? pair_loader->data().tokens() : loader->data().tokens(),
                    dev_examples = facts.writes ? dev_pairs->size() : dev_tokens->size();
  std::cout << "model   " << options.model << "\n"
            << "task    " << options.task << (facts.writes ? ", text to text: " : ": ") << report::count(static_cast<std::int64_t>(examples))
            << " training examples (" << report::count(static_cast<std::int64_t>(tokens)) << " tokens), "
            << report::count(static_cast<std::int64_t>(dev_examples)) << " dev\n"
            << "method  " << method << "\n"
            << "head    "
            << (facts.writes ? std::string("the checkpoint's own words")
                : head_from_checkpoint ? std::string("the checkpoint's own")
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

void Job::finish(const Result& result, const std::vector<float>& dev_logits) const {
  if (!options.predict.empty() && !facts.writes) write_predictions(dev_logits);
  if (!options.json.empty()) write_json(result);
  if (result.rank_total > 0)
    std::cout << "ranks: " << result.rank_kept << " of " << result.rank_total << " kept, "
              << result.rank_total - result.rank_kept << " removed (their gates are exactly zero)\n";
  if (result.merge_error >= 0)
    std::cout << "merged into " << options.export_to << ": largest difference of a dev logit " << result.merge_error << "\n";
  report::Table table({"method", "trainable", "%", result.dev ? "dev " + result.dev->main_name : "dev", "examples/s", "peak memory"});
  table.add({options.method, report::count(result.trainable), report::percent(double(result.trainable), double(result.total)),
             result.dev ? report::fixed(result.dev->main, 4) : "unlabelled",
             result.history.seconds > 0 ? report::fixed(result.history.examples_per_second(), 1) : "-",
             report::bytes(report::peak_memory())});
  std::cout << "\n" << table.text() << std::flush;
}

void Job::write_predictions(const std::vector<float>& logits) const {
  if (dev.tagged) return write_tags(logits);
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

void Job::write_json(const Result& r) const {
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
