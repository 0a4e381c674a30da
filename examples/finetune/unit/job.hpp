// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <peft/data/dataset.hpp>
#include <peft/data/glue_text.hpp>
#include <peft/data/loader.hpp>
#include <peft/data/pair_dataset.hpp>
#include <peft/data/tokenized.hpp>
#include <peft/data/tokenized_pairs.hpp>
#include <peft/io/atomic_files.hpp>
#include <peft/io/delta_file.hpp>
#include <peft/io/peft_methods.hpp>
#include <peft/model/checkpoint_tensors.hpp>
#include <peft/model/text_search.hpp>
#include <peft/report/memory_plan.hpp>
#include <peft/report/plan.hpp>
#include <peft/report/tree.hpp>
#include <peft/site.hpp>
#include <peft/task/metric/glue.hpp>
#include <peft/text/tokenizer.hpp>
#include <peft/train/evaluate.hpp>
#include <peft/train/fit.hpp>
#include <peft/train/history.hpp>

#include "../options.hpp"
#include "backbone.hpp"
#include "classes.hpp"
#include "notes.hpp"
#include "tasks.hpp"

/// The shortest text that reads back as the same number.
std::string shortest(double x);

/// All of a run that does not depend on the method's type: data in, report out.
class Job {
 public:
  explicit Job(Options options);

  const Options options;
  const BackboneFacts facts;
  peft::Dataset train,
      dev;  // without their examples once these are tokenized; where no training file was read, what is known of one
  Classes classes;
  std::unique_ptr<peft::Tokenizer> tokenizer;
  std::unique_ptr<peft::Loader> loader;
  std::unique_ptr<peft::Tokenized> dev_tokens;
  std::optional<peft::Dataset> asked;  // what --predict is about, where it is not dev
  std::unique_ptr<peft::Tokenized> asked_tokens;
  peft::metric::Kind kind;

  // Text to text, where the backbone writes.
  std::unique_ptr<peft::LoaderOf<peft::TokenizedPairs>> pair_loader;
  std::unique_ptr<peft::TokenizedPairs> dev_pairs;
  std::unique_ptr<peft::TokenizedPairs> dev_prompts;  // what texts are written for, once each; null for a GLUE task
  std::unique_ptr<peft::TokenizedPairs>
      asked_prompts;  // the same for --predict, where it is not about dev; of a GLUE task all pairs
  std::vector<std::size_t> asked_rows;  // of its file: the prompt of each
  std::vector<double> dev_labels;  // of a GLUE task
  std::optional<peft::GlueText> words;  // of a GLUE task

  // What --load gave.
  std::shared_ptr<const peft::PeftAdapter> adapter;  // of Hugging Face PEFT
  std::optional<peft::DeltaFile> delta;

  /// Lines that are printed with the report.
  mutable RunNotes notes;
  /// What the run takes of memory, as far as that is known.
  mutable peft::report::MemoryPlan memory;

  int labels() const { return train.outputs(); }
  /// What the outputs of the head are called, for its file: nothing for a score, and for what has no head of classes.
  peft::HeadLabels head_labels() const;
  int longest() const;
  int decoder_longest() const;
  /// Does the head read every token, or the mean of all?
  bool reads_rows() const { return train.tagged || options.pooling == "mean"; }
  FirstTask first_task() const;
  RowsTask rows_task() const;
  /// Scores of dev; NaN where it is not labelled.
  peft::metric::Scores score(const peft::LogitsOf<float>& logits_of) const;
  /// The sites that --sites names, or `standard`; `possible` are those the method was compiled for.
  peft::SiteSet sites(peft::SiteSet standard, peft::SiteSet possible) const;
  /// Options that are a method's own.
  int rank() const { return read("rank", options.rank); }
  double alpha() const { return read("alpha", options.alpha); }
  double delta_dropout() const { return read("delta-dropout", options.delta_dropout); }
  /// Of what --include names.
  std::string header_hash() const;
  std::string base_model() const;
  /// The token ids of every class of a GLUE task in words, with the token that ends a text.
  std::vector<std::vector<std::int32_t>> class_ids() const;
  /// How texts are written, as the command line wants it.
  peft::GenerateOptions writing() const;
  /// Of what was trained, as it is saved in our own form.
  using Table = std::function<std::string(const peft::DeltaFile&)>;
  /// A table of the method's own, which is saved beside its delta once the run has trained.
  void beside(const std::string& file, Table text) const { beside_.emplace_back(file, std::move(text)); }
  void stage_beside(peft::AtomicFiles& files, const peft::DeltaFile& trained) const;
  /// How the command line wants to train.
  peft::FitOptions fit_options(const peft::CheckpointTensors& weights) const;
  /// What must be the same when a run on these weights is resumed: every input and every option that its numbers depend
  /// on.
  peft::Notes identity(const peft::CheckpointTensors& weights) const;
  /// Refuses to go on where a file that is mapped was written to, and notes one that was replaced. Asked before
  /// anything is saved or written.
  void check_files() const;
  /// A setting of the method: what --set says, or what the delta that --load gave was saved with, or `standard`. Asked
  /// settings are saved with the delta.
  double setting(const std::string& key, double standard) const;
  std::string setting(const std::string& key, const std::string& standard) const;
  /// Which of the named choices a setting is; the first is the standard.
  int choice(const std::string& key, const std::vector<std::string>& names) const;
  /// Everything asked so far. Fails when it is not in the front's table of methods.
  const std::map<std::string, std::string>& settings() const;

  /// `head`: where it is from; "" where it is fresh.
  void show_model(const std::vector<peft::report::Module>& modules, const std::string& method,
                  const std::string& head) const;
  /// What the whole run takes of memory.
  void show_plan(int workers) const;
  void show_epoch(const peft::EpochReport& report, int epochs) const;

  /// What the run came to.
  struct Result {
    std::int64_t trainable = 0, total = 0;
    std::uint64_t step_memory = 0;  // bytes planned beside the backbone, by all workers
    peft::History history;
    std::optional<peft::metric::Scores> dev;
    std::optional<peft::metric::Scores> written;  // of texts
    std::vector<std::string> texts;  // what a backbone that writes has written or chosen for dev
    int rank_total = 0, rank_kept = 0;  // of a gated method; 0: no gates
    double merge_error = -1;  // largest difference of a logit; below 0: nothing was merged
  };
  /// What --json asks for. `more`: it will be written again; a device or a pipe takes it once, at last.
  void write_json(const Result& result, bool more) const;
  void finish(const Result& result) const;
  /// Says how to go on with a run that a signal has stopped; returns the exit status.
  int stopped(const peft::History& history) const;

 private:
  void read_rows();
  void read_texts();
  /// Says what the reader of a file has decided, unless it was said of another, and how many of its texts were cut.
  void tell(const std::string& file, const std::vector<std::string>& notes, std::size_t cut) const;
  void ask(peft::PairDataset data);
  void check_room(const peft::TokenizedPairs& prompts, const char* which);
  double head_lr_factor() const;
  peft::LoaderOptions batches() const;
  peft::TokenizedPairs tokenized(const peft::PairDataset& pairs, std::int64_t limit) const;

  template <class T>
  const T& read(const char* option, const T& value) const {
    read_.insert(option);
    return value;
  }

  mutable std::map<std::string, std::string> settings_, standards_;
  mutable std::set<std::string> read_;  // options that are a method's own
  mutable std::vector<std::pair<std::string, Table>> beside_;
  mutable std::set<std::string> told_;
  int most_new_tokens_ = options.max_new_tokens;
  std::string labels_line(bool trained) const;
};
