// SPDX-License-Identifier: Apache-2.0
#include "job.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <iostream>

#include <peft/core/rng.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_head.hpp>
#include <peft/task/score.hpp>

#include "front/methods.hpp"

using namespace peft;
namespace fs = std::filesystem;

std::string shortest(double x) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, x).ptr};
}

Job::Job(Options given)
    : options(std::move(given)), facts(read_facts(options.model)),
      kind(facts.writes && (options.task == "e2e" || options.task == "pairs") ? metric::Kind::Accuracy : metric::kind_of(options.task)) {
  tokenizer = std::make_unique<Tokenizer>(Tokenizer::open(options.model));
  if (!options.load.empty()) {
    if (has_delta(options.load)) {
      delta = load_delta(options.load);
      require(delta->method == options.method, options.load, ": holds a delta of method ", delta->method, "; give --method ", delta->method);
      if (!facts.writes)
        require(delta->setting("pooling") == options.pooling, options.load, ": was trained with --pooling ", delta->setting("pooling"), "; give that");
    } else {
      auto read = std::make_shared<PeftAdapter>(load_peft(options.load));
      settle_names(*read, facts.names);
      settle_head(*read, facts.names.head, [&](const std::string& name) { return read_tensor(options.model, facts, name); });
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

double Job::head_lr_factor() const {
  return options.head_lr < 0 ? 1 : options.head_lr / options.lr;
}

peft::FitOptions Job::fit_options() const {
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
  fit.identity = identity();
  if (!o.out.empty() && o.epochs > 0) {
    fs::create_directories(o.out);
    fit.checkpoint = fs::path(o.out) / "run.safetensors";
  }
  fit.on_warning = [](const std::string& text) { std::cerr << "warning: " << text << "\n"; };
  fit.on_note = [this](const std::string& text) { notes.add(text); };
  return fit;
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
  if (facts.writes) return std::max({pair_loader ? pair_loader->data().longest() : 0, of(dev_pairs), of(asked_prompts)});
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
  return list.empty() ? standard & possible : sites_named(list, possible, facts.paths, options.method);
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
  const auto of = [](const auto& loader, auto&& f) { return loader ? f(loader->data()) : 0; };
  const auto hash = [](const auto& data) { return hash_of(data); };
  const auto count = [](const auto& data) { return static_cast<std::uint64_t>(data.size()); };
  const std::uint64_t data = facts.writes ? of(pair_loader, hash) : of(loader, hash), examples = facts.writes ? of(pair_loader, count) : of(loader, count);
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
          {"order", o.shuffle ? "shuffled" : "as in the file"},
          {"max-length", cat(o.max_length)},
          {"drop-layers", cat(o.drop_layers)},
          {"dropout", shortest(o.dropout)},
          {"head-lr", shortest(o.head_lr)},
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
  require(found != names.end(), "the setting ", key, " is \"", text, "\", expected one of ", listed(names));
  return static_cast<int>(found - names.begin());
}

const std::map<std::string, std::string>& Job::settings() const {
  for (const auto& [key, value] : settings_)
    require(setting_of(*method_named(options.method), facts.writes, key).has_value(), "the program's table lacks the setting ", key, " of --method ", options.method);
  return settings_;
}
