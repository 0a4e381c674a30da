// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/label_text.hpp>
#include <peft/io/tensor_ref.hpp>

namespace peft {

struct PeftCarried;

/// One adapted projection: y += (alpha / rank) B A x; DoRA's has a magnitude per output as well.
struct LoraModule {
  std::string path;  // in the Hugging Face model, "bert.encoder.layer.0.attention.self.query"
  int rank = 0, in = 0, out = 0;
  double alpha = 0;      // the effective numerator of the scale, whatever the file's convention
  std::vector<float> A;  // (rank, in)
  std::vector<float> B;  // (out, rank)
  std::vector<float> magnitude{};  // DoRA: (out)
  bool embedding = false;          // of a table: in its rows, out what they hold
};

/// A LoRA adapter as Hugging Face PEFT keeps it on disk, in neutral form.
struct PeftLora {
  using Tensor = HostTensor;

  std::string base_model;             // the backbone's name or folder; may be empty
  std::string task_type = "SEQ_CLS";  // may be empty
  double dropout = 0;                 // on the input of A, in training
  bool root_scale = false;            // the files hold alpha for the scale alpha / sqrt(rank) (rsLoRA)
  std::vector<LoraModule> modules;
  std::vector<LoraModule>
      merged;  // on what no LoRA is trained on here, tables and lm_head: it can be added to their weights
  std::vector<Tensor> head;  // tensors trained whole under their model paths: "classifier.weight", biases, tables
  HeadLabels labels{};
  std::shared_ptr<const PeftCarried>
      carried{};  // what the backbone has taken from the adapter that was trained on; saved again

  /// How save_peft_lora names the modules. Empty: by their full paths, which is always right. Otherwise name endings
  /// ("query", "value") for the caller who knows that they mean exactly these modules in the whole model; not used
  /// when ranks or alphas differ or a module has rank 0.
  std::vector<std::string> targets;
};

/// transformers' name of the layer that reads words off, in every family that writes.
inline constexpr const char* word_head = "lm_head";

/// PEFT's rule for a list of targets: the path is the target or ends in "." and the target.
bool ends_in_name(const std::string& path, const std::string& target);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_lora.ipp>
#endif
