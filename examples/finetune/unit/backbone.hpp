// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <peft/io/peft_names.hpp>
#include <peft/io/tensor_ref.hpp>
#include <peft/model/tensor_names.hpp>
#include <peft/site.hpp>

#include "sites.hpp"

/// What a run needs to know of a checkpoint before its method's unit opens it.
struct BackboneFacts {
  std::string family;       // bert, distilbert, roberta, deberta-v2, t5, gpt2, llama
  peft::SiteSet sites;
  std::vector<SitePath> paths;  // of these
  bool writes = false;      // it gives words: tasks are text to text
  bool paired = false;      // an encoder and a decoder
  int longest = 0;          // tokens of a sequence
  int vocabulary = 0;
  double head_deviation = 0.02;
  std::vector<std::string> labels;   // what the classes of its head are called; none: it gives a score
  int start = -1;                    // what a decoder begins with
  std::vector<int> end;              // tokens that end a text
  peft::ModuleNames names;           // as an adapter may leave out parts of them
  peft::TensorNames tensors;         // as the files may call them otherwise
};

/// Reads the config.json of a folder. Throws Error naming the families that there are for a model_type of none.
BackboneFacts read_facts(const std::filesystem::path& folder);

/// A tensor of the folder's weights; none where there is none of that name.
std::optional<peft::HostTensor> read_tensor(const std::filesystem::path& folder, const BackboneFacts& facts,
                                            const std::string& name);
