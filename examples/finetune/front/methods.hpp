// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <optional>
#include <string_view>

#include "words.hpp"

/// A method that --method names: all but the code that runs it, which a unit of the program holds for each family.
struct MethodInfo {
  std::string_view name;
  double lr = 0;             // when --lr is not given
  Words families;            // of backbones that it runs on
  std::string_view summary;  // a line of --help
  Words settings;            // what --set takes, each as NAME=STANDARD or NAME=STANDARD|OTHER..
  bool merges = false;       // what it changes are weights: --export can merge it
};

namespace families_of {
inline constexpr Words bert{"bert"}, encoders{"bert roberta deberta-v2"}, readers{"bert distilbert roberta deberta-v2"},
    all{"bert distilbert roberta deberta-v2 t5 gpt2 llama"};
}

/// In the order of their names.
inline constexpr std::array<MethodInfo, 25> methods{{
    {"adalora",
     1e-3,
     families_of::bert,
     "AdaLoRA: ranks in the form of singular values, the least important pruned",
     {"rank first-rank alpha tinit=0.1 tfinal=0.3 every=1 beta1 beta2 orthogonality=squared|mean gamma"},
     true},
    {"adapter",
     1e-3,
     families_of::all,
     "Houlsby's adapters and LayerNorms",
     {"width=64 deviation=0.01 drop-layers=0 embedding-norm=0"}},
    {"bitfit", 1e-3, {"bert distilbert roberta deberta-v2 gpt2"}, "BitFit: the biases", {""}, true},
    {"compacter",
     3e-3,
     families_of::bert,
     "Compacter: adapters of Kronecker products, and LayerNorms",
     {"n=4 rank=1 reduction=32 shared-rule=1"}},
    {"diff-prune",
     5e-5,
     families_of::bert,
     "diff pruning: a sparse change of all weights, learnt with gates",
     {"counts=expected|released structured=1 fraction prune-at lambda gate-lr=0.1"},
     true},
    {"dora",
     1e-3,
     families_of::bert,
     "DoRA: LoRA on the direction of each row, and its magnitude",
     {"scaling=rank|rs norm=constant|differentiated lora-plus=1"},
     true},
    {"full", 5e-5, families_of::all, "every parameter", {""}, true},
    {"head", 1e-3, families_of::readers, "the task's head alone", {""}, true},
    {"ia3",
     5e-3,
     {"bert roberta deberta-v2 t5 gpt2 llama"},
     "(IA)^3: keys, values and inner activations rescaled",
     {""},
     true},
    {"lora",
     1e-3,
     families_of::all,
     "LoRA: low-rank branches",
     {"scaling=rank|rs start=uniform|gaussian lora-plus=1"},
     true},
    {"low-rank-adapter", 3e-3, families_of::bert, "adapters of low rank, and LayerNorms", {"rank=1 reduction=32"}},
    {"lst",
     3e-3,
     families_of::bert,
     "LST: ladder side-tuning, small encoder blocks fed by the backbone's layers",
     {"reduction=8 heads=0 layers=all temperature=0.1 output=replace|add start=pruned|random"}},
    {"mam",
     5e-4,
     families_of::bert,
     "MAM: a prefix and parallel adapters",
     {"length=30 inner=800 init=zero|normal width=512 scale=4"}},
    {"p-tuning",
     1e-3,
     families_of::bert,
     "P-tuning: such rows made by an LSTM or an MLP",
     {"length encoder=lstm|mlp|none inner layers"}},
    {"p-tuning-v2",
     2e-2,
     families_of::bert,
     "P-tuning v2: the same without an encoder, with dropout",
     {"length encoder inner init=zero|normal dropout"}},
    {"parallel-adapter",
     5e-4,
     families_of::bert,
     "adapters beside the feed-forward, scaled",
     {"drop-layers=0 width=512 scale=4"}},
    {"pasta",
     3e-3,
     families_of::encoders,
     "PASTA: a vector on each special token before every layer",
     {"specials adapt=each|no-class|no-separators|shared"}},
    {"pfeiffer",
     1e-3,
     families_of::bert,
     "Pfeiffer's adapters, after the feed-forward",
     {"form=pfeiffer|seq_bn drop-layers=0 reduction=16"}},
    {"prefix",
     1e-3,
     families_of::bert,
     "prefix tuning: trained keys and values before those of every layer",
     {"length encoder inner init=zero|normal dropout"}},
    {"prompt",
     5e-3,
     {"bert roberta deberta-v2 t5 gpt2 llama"},
     "prompt tuning: trained rows before the embeddings",
     {"length init=vocabulary|text|normal|uniform text"}},
    {"read",
     1e-3,
     {"bert roberta deberta-v2 t5 llama"},
     "READ: a recurrent network over depth beside the backbone, which needs no backward",
     {"width=128 cell=gru|lstm|rnn variant=direct|concat|gated|layers|full norm_after=0 output_deviation=0 relative"}},
    {"side-tuning",
     1e-3,
     families_of::bert,
     "side-tuning: the backbone's output blended with that of a small encoder",
     {"reduction=8 heads=0 depth=2 alpha0=0 blend=learned|fixed start=random|pruned"}},
    {"sora",
     1e-3,
     families_of::encoders,
     "SoRA: LoRA whose ranks are pruned by proximal gates",
     {"rank alpha gates=normal|ones penalty=0 operator=scaled|constant|released sparsity"},
     true},
    {"sora-schedule",
     1e-3,
     families_of::bert,
     "SoRA, its gates shrunk more step by step: what is left, and how good it is",
     {"rank alpha gates=normal|ones penalty=0 operator=constant|released path=linear|log-linear|exp-linear xi-first xi-last steps "
      "step-epochs later-lr train-sample=1000"},
     true},
    {"vera",
     1e-2,
     families_of::bert,
     "VeRA: vectors that scale frozen random projections, shared by all modules",
     {"rank=256 d=0.1 projection=0"},
     true},
}};

/// What --set says of any method, and of one on a backbone that writes.
inline constexpr Words settings_of_all{"sites"}, settings_of_writers{"prompt separator"};

/// The row of a setting, as NAME, NAME=STANDARD or NAME=STANDARD|OTHER..; none where there is no such setting.
constexpr std::optional<std::string_view> setting_of(const MethodInfo& method, bool writes, std::string_view name) {
  std::optional<std::string_view> row;
  for (const Words& words : {method.settings, settings_of_all, writes ? settings_of_writers : Words{}})
    words.each([&](std::string_view word) {
      if (word.substr(0, word.find('=')) == name) row = word;
    });
  return row;
}

/// The method of that name; null where there is none.
constexpr const MethodInfo* method_named(std::string_view name) {
  for (const MethodInfo& m : methods)
    if (m.name == name) return &m;
  return nullptr;
}
