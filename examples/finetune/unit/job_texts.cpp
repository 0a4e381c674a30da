// SPDX-License-Identifier: Apache-2.0
#include "job.hpp"

#include <algorithm>
#include <iostream>
#include <optional>
#include <unordered_map>

#include <peft/data/pair_dataset.hpp>
#include <peft/data/read_e2e.hpp>
#include <peft/data/read_glue_pairs.hpp>
#include <peft/data/read_pairs.hpp>
#include <peft/data/split_files.hpp>

using namespace peft;

// The data of a backbone that writes.

void Job::read_texts() {
  if (is_glue_task(options.task)) words = glue_text(options.task, setting("prompt", std::string()));
  // Of E2E the test split stands in where the official training file is not there.
  bool official = true;
  const auto read = [&](const std::string& split, Labels labels) {
    if (words) return read_glue_pairs(*words, options.data, split, labels);
    if (options.task == "pairs") return read_pairs(options.data, split, {}, labels);
    return read_e2e(options.data, official ? split : split == "train" ? "dev" : "test");
  };
  const auto read_if_there = [&](const std::string& split) -> std::optional<PairDataset> {
    if (options.data.empty()) return {};
    try {
      return read(split, Labels::Required);
    } catch (const NoSuchSplit&) {
      return {};
    }
  };
  const bool trains = options.epochs > 0, asks = !options.split.empty() || !options.predict_from.empty();
  std::optional<PairDataset> texts = read_if_there("train");
  if (!texts && options.task == "e2e" && !options.data.empty()) {
    official = false;
    texts = read_if_there("train");
    std::cerr << "warning: " << options.data
              << " has no trainset.csv: training on devset.csv, evaluating on testset_w_refs.csv\n";
  }
  if (tokenizer->has_chat_template())
    std::cerr << "note: " << options.model
              << " brings a template for chats, which is not evaluated: prompts are the texts as they are"
              << (facts.paired ? "" : ", --set separator, and the tokens that its tokenizer puts in front") << '\n';
  if (!words && options.texts != 0) tokenizer->decode({});  // better refused now than after training
  if (!texts && trains) texts = read("train", Labels::Required);
  if (texts) pair_loader = std::make_unique<LoaderOf<TokenizedPairs>>(tokenized(*texts, options.limit), batches());
  if (std::optional<PairDataset> dev = trains || !asks ? read("dev", Labels::Required) : read_if_there("dev")) {
    dev_labels = dev->labels;
    dev_pairs = std::make_unique<TokenizedPairs>(tokenized(*dev, 0));
    if (!words && options.texts != 0) {
      dev = group_by_source(std::move(*dev));
      if (options.texts > 0) dev->pairs.resize(std::min(dev->pairs.size(), static_cast<std::size_t>(options.texts)));
      dev_prompts = std::make_unique<TokenizedPairs>(tokenized(*dev, 0));
      check_room(*dev_prompts, "dev");
    }
  }
  if (!options.predict_from.empty())
    ask(words ? read_glue_prompts(*words, options.predict_from)
              : read_pairs_file(options.predict_from, "asked",
                                options.task == "e2e" ? PairColumns{"mr", "ref"} : PairColumns{}, Labels::Ignored));
  else if (!options.split.empty() && options.split != "dev")
    ask(read(options.split, Labels::Optional));
  else if (words && words->task.regression() && !options.predict.empty())
    ask(read("dev", Labels::Optional));  // its scores are written out as texts are
}

void Job::ask(PairDataset data) {
  if (words && !words->task.regression()) {
    // Each prompt with the longest of the words that may follow, for which there must be room.
    const auto longer = [](const std::string& a, const std::string& b) { return a.size() < b.size(); };
    for (TextPair& pair : data.pairs)
      pair.target = *std::max_element(words->task.labels.begin(), words->task.labels.end(), longer);
    data.labelled = true;
    asked_prompts = std::make_unique<TokenizedPairs>(tokenized(data, 0));
    return;
  }
  std::unordered_map<std::string, std::size_t> seen;  // what is written for the same text is the same
  PairDataset once{data.source, data.split, {}, false, {}, std::move(data.notes)};
  for (TextPair& pair : data.pairs) {
    const auto [found, fresh] = seen.try_emplace(pair.source, once.pairs.size());
    asked_rows.push_back(found->second);
    if (fresh) once.pairs.push_back({std::move(pair.source), {}, {}});
  }
  asked_prompts = std::make_unique<TokenizedPairs>(tokenized(once, 0));
  check_room(*asked_prompts, "given");
}

// Better now than after hours of training.
void Job::check_room(const TokenizedPairs& prompts, const char* which) {
  if (facts.paired) return;
  std::size_t prompt = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) prompt = std::max(prompt, prompts.prompt(i).size());
  const int left = facts.longest - static_cast<int>(prompt);
  require(left > 0, "a ", which, " prompt of ", prompt, " tokens leaves no room for a text in the backbone's ",
          facts.longest, " positions; --texts 0 writes none");
  if (left < most_new_tokens_)
    std::cerr << "warning: texts end after " << left << " tokens: the longest " << which << " prompt has " << prompt
              << " of the backbone's " << facts.longest << " positions\n";
  most_new_tokens_ = std::min(most_new_tokens_, left);
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
    TokenizedPairs made = TokenizedPairs::sequence_to_sequence(pairs, *tokenizer, o);
    tell(pairs.source, pairs.notes, made.cut());
    return made;
  }
  CausalOptions o;
  o.start = tokenizer->before();
  o.after_source = setting("separator", std::string("\n"));
  o.eos = end;
  o.max_length = options.max_length;
  o.model_max_length = room;
  o.vocabulary = facts.vocabulary;
  o.limit = limit;
  o.seed = options.seed;
  TokenizedPairs made = TokenizedPairs::causal(pairs, *tokenizer, o);
  tell(pairs.source, pairs.notes, made.cut());
  return made;
}

std::vector<std::vector<std::int32_t>> Job::class_ids() const {
  std::vector<std::vector<std::int32_t>> ids;
  for (const auto& label : words->task.labels) {
    ids.push_back(tokenizer->ids(label));
    if (!facts.end.empty()) ids.back().push_back(facts.end.front());
  }
  return ids;
}

GenerateOptions Job::writing() const {
  GenerateOptions o;
  o.max_new_tokens = most_new_tokens_;
  o.beams = options.beams;
  o.eos = facts.end;
  o.start = facts.start;
  return o;
}
