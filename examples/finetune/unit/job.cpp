// SPDX-License-Identifier: Apache-2.0
#include "job.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <iostream>

#include <peft/io/hash.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/io/mapped_region.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_head.hpp>

#include "../front/methods.hpp"

using namespace peft;
namespace fs = std::filesystem;

std::string shortest(double x) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, x).ptr};
}

Job::Job(Options given)
    : options(std::move(given)),
      facts(read_facts(options.model)),
      kind(facts.writes && (options.task == "e2e" || options.task == "pairs") ? metric::Kind::Accuracy
                                                                              : metric::kind_of(options.task)) {
  tokenizer = std::make_unique<Tokenizer>(Tokenizer::open(options.model));
  if (!options.load.empty()) {
    if (has_delta(options.load)) {
      delta = load_delta(options.load);
      require(delta->method == options.method, options.load, ": holds a delta of method ", delta->method,
              "; give --method ", delta->method);
      if (!options.compose.empty()) {
        require(delta->setting("composition") == options.compose, options.load, ": was composed as ",
                delta->setting("composition"), "; give that, or neither --compose nor --method");
        if (const auto header = delta->settings.find("header");
            header != delta->settings.end() && header->second != header_hash())
          notes.add(cat(options.load, ": ", options.include, " is not as it was when this was trained"));
      }
      if (!facts.writes)
        require(delta->setting("pooling") == options.pooling, options.load, ": was trained with --pooling ",
                delta->setting("pooling"), "; give that");
    } else {
      auto read = std::make_shared<PeftAdapter>(load_peft(options.load));
      settle_names(*read, facts.names);
      settle_head(*read, facts.names.head,
                  [&](const std::string& name) { return read_tensor(options.model, facts, name); });
      for (const std::string& text : read->notes) notes.add(cat(options.load, ": ", text));
      adapter = std::move(read);
    }
  }
  if (facts.writes) {
    read_texts();
    return;
  }
  read_rows();
}

double Job::head_lr_factor() const { return options.head_lr < 0 ? 1 : options.head_lr / options.lr; }

peft::FitOptions Job::fit_options(const CheckpointTensors& weights) const {
  const Options& o = options;
  FitOptions fit;
  fit.epochs = o.epochs;
  fit.lr = o.lr;
  fit.schedule = schedule_kind(o.schedule);
  fit.warmup = o.warmup;
  fit.optimizer.weight_decay = o.weight_decay;
  fit.clip = o.clip;
  fit.accumulate = o.accumulate;
  fit.seed = o.seed;
  fit.patience = o.patience;
  fit.resume = o.resume;
  fit.checkpoint_steps = o.checkpoint_steps;
  if (!o.out.empty() && o.epochs > 0) {
    fs::create_directories(o.out);
    fit.checkpoint = fs::path(o.out) / "run.safetensors";
    fit.identity = identity(weights);
  }
  fit.before_save = [this] { check_files(); };
  fit.on_warning = [](const std::string& text) { std::cerr << "warning: " << text << "\n"; };
  fit.on_note = [this](const std::string& text) { notes.add(text); };
  return fit;
}

void Job::check_files() const {
  const fs::path run = fs::path(options.out) / "run.safetensors";
  const bool saved = !options.out.empty() && fs::exists(run);
  require_unchanged(
      saved ? cat("; nothing is saved of it, ", run.string(),
                  " is as it was: put the file back as it was and go on with --resume, or start another run")
            : "; nothing is saved of it: start another run");
  for (const std::string& path : replaced_files())
    notes.add(cat(
        path,
        ": another file is there now, or none; this run goes on with the one that it began with, and so must --resume"));
}

LoaderOptions Job::batches() const {
  LoaderOptions batches;
  batches.batch = options.batch;
  batches.tokens = options.batch_tokens;
  batches.bucket = static_cast<int>(options.bucket);
  batches.seed = options.seed;
  batches.shuffle = options.shuffle;
  return batches;
}

int Job::longest() const {
  const auto of = [](const auto& tokens) { return tokens ? tokens->longest() : 0; };
  if (facts.writes)
    return std::max({pair_loader ? pair_loader->data().longest() : 0, of(dev_pairs), of(asked_prompts)});
  return std::max({loader ? loader->data().longest() : 0, of(dev_tokens), of(asked_tokens)});
}

int Job::decoder_longest() const {
  const auto of = [](const auto& pairs) { return pairs ? pairs->decoder_longest() : 0; };
  return std::max({pair_loader ? pair_loader->data().decoder_longest() : 0, of(dev_pairs), of(asked_prompts)});
}

HeadLabels Job::head_labels() const {
  if (facts.writes || train.together > 1) return {};
  return train.regression ? std::vector<std::string>() : train.label_names;
}

FirstTask Job::first_task() const {
  if (train.together > 1) return Choose(train.together, facts.head_deviation, head_lr_factor());
  return Classify{labels(), facts.head_deviation, head_lr_factor()};
}

RowsTask Job::rows_task() const {
  if (train.tagged) return Tag{{labels(), facts.head_deviation, head_lr_factor()}};
  return ClassifyMean{labels(), facts.head_deviation, head_lr_factor()};
}

metric::Scores Job::score(const LogitsOf<float>& logits_of) const {
  if (!dev.labelled) return {{}, std::nan(""), "unlabelled"};
  Scorer scorer = dev.tagged ? Scorer(*dev_tokens, dev) : Scorer(kind, static_cast<std::size_t>(labels()), *dev_tokens);
  predict_pieces<float>(logits_of, *dev_tokens, [&](const LogitPiece<float>& piece) { scorer.add(piece); });
  return scorer.scores();
}

SiteSet Job::sites(SiteSet standard, SiteSet possible) const {
  std::string list = read("sites", options.sites);
  list = setting("sites", list);
  // Nothing but a head on the first token reads the pooler.
  if (reads_rows()) possible = {possible.bits & ~Pooler.bits};
  possible = possible & facts.sites;
  return list.empty() ? standard & possible : sites_named(list, possible, facts.paths, options.method);
}

std::string Job::base_model() const { return options.base_model.empty() ? options.model : options.base_model; }

std::string Job::setting(const std::string& key, const std::string& standard) const {
  std::string value = standards_[key] = standard;
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
  require(problem == std::errc() && end == text.data() + text.size() && std::isfinite(value), "the setting ", key,
          " is \"", text, "\", expected a number");
  return value;
}

int Job::choice(const std::string& key, const std::vector<std::string>& names) const {
  const std::string text = setting(key, names[0]);
  const auto found = std::find(names.begin(), names.end(), text);
  require(found != names.end(), "the setting ", key, " is \"", text, "\", expected one of ", listed(names));
  return static_cast<int>(found - names.begin());
}

std::string Job::header_hash() const { return hash_text(Hash().add(MappedFile(options.include).text()).value()); }

const std::map<std::string, std::string>& Job::settings() const {
  const MethodInfo& method = *method_named(options.method);
  const bool composed = &method == &composition;
  options_of_methods.each([&](std::string_view option) {
    require(method.reads.contains(option) == read_.contains(std::string(option)),
            "the program's table is wrong about --", std::string(option), " of --method ", options.method);
  });
  std::vector<std::string> known;
  for (const auto& [key, value] : settings_) known.push_back(key);
  for (const std::string& given : options.settings)
    require(settings_.contains(given.substr(0, given.find('='))), "--set ", given, ": ",
            composed ? cat("the parts of the composition declare ", known.empty() ? "no settings" : listed(known))
                     : cat("--method ", options.method, " does not read it with these settings; leave it out"));
  if (composed) {
    settings_["composition"] = options.compose;
    if (!options.include.empty()) settings_["header"] = header_hash();
    return settings_;
  }
  for (const auto& [key, value] : settings_) {
    const auto row = setting_of(method, facts.writes, key);
    require(row.has_value(), "the program's table lacks the setting ", key, " of --method ", options.method);
    const std::size_t begins = std::min(row->find('='), row->size());
    const std::string_view shown = row->substr(begins, row->find('|') - begins), standard = standards_.at(key);
    // An adapter of PEFT's decides some of them itself.
    require(adapter || shown.empty() || shown.substr(1) == standard, "the program's table says ", key,
            std::string(shown), " of --method ", options.method, ", the method ", std::string(standard));
  }
  return settings_;
}
