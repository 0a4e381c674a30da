// SPDX-License-Identifier: Apache-2.0
#include "job.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>

#include <peft/data/pair_dataset.hpp>
#include <peft/data/read_e2e.hpp>
#include <peft/data/read_glue_pairs.hpp>
#include <peft/data/read_pairs.hpp>

using namespace peft;
namespace fs = std::filesystem;

// The data of a backbone that writes.

void Job::read_texts() {
  PairDataset texts, dev;
  if (options.task == "e2e") {
    // The test split stands in where the official training file is not there.
    const bool whole = fs::exists(fs::path(options.data) / "trainset.csv");
    texts = read_e2e(options.data, whole ? "train" : "dev");
    dev = read_e2e(options.data, whole ? "dev" : "test");
    if (!whole) std::cerr << "warning: " << options.data << " has no trainset.csv: training on devset.csv, evaluating on testset_w_refs.csv\n";
  } else if (options.task == "pairs") {
    texts = read_pairs(options.data, "train");
    dev = read_pairs(options.data, "dev");
  } else {
    words = glue_text(options.task, setting("prompt", std::string()));
    texts = read_glue_pairs(*words, options.data, "train");
    dev = read_glue_pairs(*words, options.data, "dev");
    dev_labels = dev.labels;
  }
  if (tokenizer->has_chat_template())
    std::cerr << "note: " << options.model << " brings a template for chats, which is not evaluated: prompts are the texts as they are"
              << (facts.paired ? "" : ", --set separator, and the tokens that its tokenizer puts in front") << '\n';
  if (!words && options.texts != 0) tokenizer->decode({});  // better refused now than after training
  pair_loader = std::make_unique<LoaderOf<TokenizedPairs>>(tokenized(texts, options.limit), batches());
  dev_pairs = std::make_unique<TokenizedPairs>(tokenized(dev, 0));
  if (words || options.texts == 0) return;
  dev = group_by_source(std::move(dev));
  if (options.texts > 0) dev.pairs.resize(std::min(dev.pairs.size(), static_cast<std::size_t>(options.texts)));
  dev_prompts = std::make_unique<TokenizedPairs>(tokenized(dev, 0));
  if (facts.paired) return;
  // Better now than after hours of training.
  std::size_t prompt = 0;
  for (std::size_t i = 0; i < dev_prompts->size(); ++i) prompt = std::max(prompt, dev_prompts->prompt(i).size());
  const int left = facts.longest - static_cast<int>(prompt);
  require(left > 0, "a dev prompt of ", prompt, " tokens leaves no room for a text in the backbone's ", facts.longest, " positions; --texts 0 writes none");
  if (left < most_new_tokens_) std::cerr << "warning: texts end after " << left << " tokens: the longest dev prompt has " << prompt << " of the backbone's " << facts.longest << " positions\n";
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
