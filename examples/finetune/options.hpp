// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

/// The command line of finetune.
struct Options {
  std::string model, task, data, method = "lora";
  int rank = 8;
  double alpha = 16;
  std::string compose, include;  // a method of one's own: what stands in Method<..>, and a header that it needs
  std::string sites;  // names separated by commas; empty: the method's own
  int epochs = 3, batch = 32, accumulate = 1;
  double lr = -1, head_lr = -1;  // below 0: the method's own; the same as of all else
  std::string schedule = "linear";
  double warmup = 0.06;
  int drop_layers = 0;  // of each stack, the last ones
  double dropout = -1;  // the backbone's; below 0: its config's
  double delta_dropout = 0;
  double weight_decay = 0.01, clip = 0;
  std::vector<std::string> settings;  // NAME=VALUE, of the method
  int max_length = 128;
  std::int64_t limit = 0, bucket = 0, batch_tokens = 0;
  std::uint64_t seed = 42;
  int patience = 0, workers = 0;
  std::string pooling = "first", precision = "fp32";
  std::string out, load, predict, json, export_to;
  std::string split, predict_from, predict_format = "tsv";  // what --predict writes about, and how
  std::string labels = "auto";                              // what a column of numbers holds
  bool resume = false, overwrite = false, shuffle = true;
  std::int64_t checkpoint_steps = 0;
  std::string base_model;  // as told to PEFT
  // Of a backbone that writes.
  std::int64_t texts = -1;  // how many to write after training; below 0: one per prompt
  int max_new_tokens = 64, beams = 1;
};
