// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <peft/model/tensor_names.hpp>
#include <peft/nn/shape.hpp>
#include <peft/site.hpp>

namespace peft {

/// How many layers a config says there are, under the name that config.json has for it.
struct LayerCount {
  const char* name;
  int* count;
};

/// What a family of checkpoints may leave out of its description. A family names, besides:
///   struct Config, with Hugging Face's names            Config read(folder)
///   const char* name, architecture                      as in "bert", "Bert" + "ForSequenceClassification"
///   nn::Spec spec                                       what its code depends on
///   SiteSet sites                                       places that at least some of its checkpoints have
///   string_view path(Site)                              the checkpoint's name of a site, `*` for the layer
///   nn::Shape shape(config)                             the numbers
struct Family {
  static constexpr bool special_tokens = false;    // tokens such as [CLS] around every text
  static constexpr const char* classifier = "classifier";  // the name of a head's linear layer
  static constexpr bool dense_in_head =
      false;     // on the first token it is a dense layer, `pooler_activation` and a linear one
  static constexpr const char *head_dense = "classifier.dense", *head_out = "classifier.out_proj";  // their names there
  static constexpr const char* prefix = "";  // of names, which files of the bare transformer leave out
  static constexpr bool input_by_output = false;  // weights are stored (in, out)
  static constexpr bool biases = true;  // at least some of its checkpoints have any
  static constexpr bool drops_inside = false;  // hidden dropout falls inside the feed-forward part too

  static std::string path(std::string_view pattern, Site, int layer, const nn::Shape&) {
    std::string name(pattern);
    if (const auto star = name.find('*'); star != std::string::npos) name.replace(star, 1, std::to_string(layer));
    return name;
  }
  static std::vector<std::string> other_prefixes() { return {}; }  // that some heads have in place of `prefix`
  static std::vector<TensorNames::Renamed> renamed() { return {}; }  // tensors that files have under another name too
  static std::vector<LayerCount> layer_counts(auto& c) {
    return {{"num_hidden_layers", &c.num_hidden_layers}};
  }  // of each stack
  static bool has(Site, int, const auto&, const nn::Shape&) { return true; }  // of the sites, in this layer
  static bool bias(Site, const auto&) { return true; }  // of linear sites and of norms
  static Extent entries(Site, const auto& c) { return c.vocab_size; }  // of a table
  static Extent position_offset(const auto&) { return 0; }  // row of the position table for position 0
  static Extent longest(const auto& c) { return c.max_position_embeddings; }  // positions
  static Extent types(const auto&) { return 0; }  // segments that tokens may be of; up to 1: none are looked at
  static double classifier_dropout(const auto& c) { return c.classifier_dropout; }
  static double pooler_dropout(const auto&) { return 0; }
  static nn::Activation pooler_activation(const auto&) { return nn::Activation::tanh; }
  static bool tied(const auto&) { return false; }  // words are read off with the word table
  static constexpr bool always_tied = false;  // .. where the file has no table of their own, whatever its config says
  static double logit_scale(const auto&) { return 1; }
  static std::vector<double> rotary(const auto&) { return {}; }  // inverse frequencies
  static int start_token(const auto&) { return -1; }  // what a decoder begins with
};

}  // namespace peft
