// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include <peft/data/batch.hpp>

/// What the peers' tests ask of a checkpoint.
struct Question {
  std::filesystem::path folder;
  std::string read;  // see main.cpp
  int labels = 0;
  peft::Batch batch;
};

/// The numbers of a forward pass, row-major.
std::vector<float> ask_bert(const Question&);
std::vector<float> ask_roberta(const Question&);
std::vector<float> ask_distilbert(const Question&);
std::vector<float> ask_deberta(const Question&);
std::vector<float> ask_gpt2(const Question&);
std::vector<float> ask_llama(const Question&);
std::vector<float> ask_t5(const Question&);
