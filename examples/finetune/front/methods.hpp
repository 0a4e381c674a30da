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
  Words reads{};             // of the options that are a method's own (options_of_methods)
  bool merges = false;       // what it changes are weights: --export can merge it
  std::string_view summary;  // a line of --help
  Words settings{};          // what --set takes, each as NAME=STANDARD or NAME=STANDARD|OTHER..
};

/// In the order of their names.
inline constexpr std::array<MethodInfo, 25> methods{{
    {.name = "adalora",
     .lr = 1e-3,
     .reads = {"rank alpha sites delta-dropout"},
     .merges = true,
     .summary = "AdaLoRA: ranks in the form of singular values, the least important pruned",
     .settings = {"rank first-rank alpha tinit=0.1 tfinal=0.3 every=1 beta1 beta2 orthogonality=squared|mean gamma"}},
    {.name = "adapter",
     .lr = 1e-3,
     .reads = {"sites"},
     .summary = "Houlsby's adapters and LayerNorms",
     .settings = {"width=64 deviation=0.01 drop-layers=0 embedding-norm=0"}},
    {.name = "bitfit", .lr = 1e-3, .reads = {"sites"}, .merges = true, .summary = "BitFit: the biases"},
    {.name = "compacter",
     .lr = 3e-3,
     .reads = {"sites"},
     .summary = "Compacter: adapters of Kronecker products, and LayerNorms",
     .settings = {"n=4 rank=1 reduction=32 shared-rule=1"}},
    {.name = "diff-prune",
     .lr = 5e-5,
     .reads = {"sites"},
     .merges = true,
     .summary = "diff pruning: a sparse change of all weights, learnt with gates",
     .settings = {"counts=expected|released structured=1 fraction prune-at lambda gate-lr=0.1"}},
    {.name = "dora",
     .lr = 1e-3,
     .reads = {"rank alpha sites delta-dropout"},
     .merges = true,
     .summary = "DoRA: LoRA on the direction of each row, and its magnitude",
     .settings = {"scaling=rank|rs norm=constant|differentiated lora-plus=1"}},
    {.name = "full", .lr = 5e-5, .reads = {"sites"}, .merges = true, .summary = "every parameter"},
    {.name = "head", .lr = 1e-3, .merges = true, .summary = "the task's head alone"},
    {.name = "ia3", .lr = 5e-3, .merges = true, .summary = "(IA)^3: keys, values and inner activations rescaled"},
    {.name = "lora",
     .lr = 1e-3,
     .reads = {"rank alpha sites delta-dropout"},
     .merges = true,
     .summary = "LoRA: low-rank branches",
     .settings = {"scaling=rank|rs start=uniform|gaussian lora-plus=1"}},
    {.name = "low-rank-adapter",
     .lr = 3e-3,
     .reads = {"sites"},
     .summary = "adapters of low rank, and LayerNorms",
     .settings = {"rank=1 reduction=32"}},
    {.name = "lst",
     .lr = 3e-3,
     .summary = "LST: ladder side-tuning, small encoder blocks fed by the backbone's layers",
     .settings = {"reduction=8 heads=0 layers=all temperature=0.1 output=replace|add start=pruned|random"}},
    {.name = "mam",
     .lr = 5e-4,
     .summary = "MAM: a prefix and parallel adapters",
     .settings = {"length=30 inner=800 init=zero|normal width=512 scale=4"}},
    {.name = "p-tuning",
     .lr = 1e-3,
     .summary = "P-tuning: trained rows before every text, made by an LSTM or an MLP",
     .settings = {"length encoder=lstm|mlp|none inner layers"}},
    {.name = "p-tuning-v2",
     .lr = 2e-2,
     .reads = {"delta-dropout"},
     .summary = "P-tuning v2: trained keys and values in every layer, without an encoder, with dropout",
     .settings = {"length encoder inner init=zero|normal dropout"}},
    {.name = "parallel-adapter",
     .lr = 5e-4,
     .reads = {"sites"},
     .summary = "adapters beside the feed-forward, scaled",
     .settings = {"drop-layers=0 width=512 scale=4"}},
    {.name = "pasta",
     .lr = 3e-3,
     .reads = {"delta-dropout"},
     .summary = "PASTA: a vector on each special token before every layer",
     .settings = {"specials adapt=each|no-class|no-separators|shared"}},
    {.name = "pfeiffer",
     .lr = 1e-3,
     .reads = {"sites"},
     .summary = "Pfeiffer's adapters, after the feed-forward",
     .settings = {"form=pfeiffer|seq_bn drop-layers=0 reduction=16"}},
    {.name = "prefix",
     .lr = 1e-3,
     .reads = {"delta-dropout"},
     .summary = "prefix tuning: trained keys and values before those of every layer",
     .settings = {"length encoder inner init=zero|normal dropout"}},
    {.name = "prompt",
     .lr = 5e-3,
     .summary = "prompt tuning: trained rows before the embeddings",
     .settings = {"length init=vocabulary|text|normal|uniform text"}},
    {.name = "read",
     .lr = 1e-3,
     .reads = {"delta-dropout"},
     .summary = "READ: a recurrent network over depth beside the backbone, which needs no backward",
     .settings =
         {"width=128 cell=gru|lstm|rnn variant=direct|concat|gated|layers|full norm_after=0 output_deviation=0 relative"}},
    {.name = "side-tuning",
     .lr = 1e-3,
     .summary = "side-tuning: the backbone's output blended with that of a small encoder",
     .settings = {"reduction=8 heads=0 depth=2 alpha0=0 blend=learned|fixed start=random|pruned"}},
    {.name = "sora",
     .lr = 1e-3,
     .reads = {"rank alpha sites delta-dropout"},
     .merges = true,
     .summary = "SoRA: LoRA whose ranks are pruned by proximal gates",
     .settings = {"rank alpha gates=normal|ones penalty=0 operator=scaled|constant|released sparsity"}},
    {.name = "sora-schedule",
     .lr = 1e-3,
     .reads = {"rank alpha sites delta-dropout"},
     .merges = true,
     .summary = "SoRA, its gates shrunk more step by step: what is left, and how good it is",
     .settings =
         {"rank alpha gates=normal|ones penalty=0 operator=constant|released path=linear|log-linear|exp-linear xi-first xi-last steps "
          "step-epochs later-lr train-sample=1000"}},
    {.name = "vera",
     .lr = 1e-2,
     .reads = {"sites delta-dropout"},
     .merges = true,
     .summary = "VeRA: vectors that scale frozen random projections, shared by all modules",
     .settings = {"rank=256 d=0.1 projection=0"}},
}};

/// Options that some methods read, and others do not.
inline constexpr Words options_of_methods{"rank alpha sites delta-dropout"};

/// What --set says of a method that sits on sites, and of any on a backbone that writes.
inline constexpr Words settings_of_sites{"sites"}, settings_of_writers{"prompt separator"};

/// All that --set can say.
constexpr std::array<Words, 3> settings_of(const MethodInfo& method, bool writes) {
  return {method.settings, method.reads.contains("sites") ? settings_of_sites : Words{},
          writes ? settings_of_writers : Words{}};
}

/// The row of a setting, as NAME, NAME=STANDARD or NAME=STANDARD|OTHER..; none where there is no such setting.
constexpr std::optional<std::string_view> setting_of(const MethodInfo& method, bool writes, std::string_view name) {
  std::optional<std::string_view> row;
  for (const Words& words : settings_of(method, writes))
    words.each([&](std::string_view word) {
      if (word.substr(0, word.find('=')) == name) row = word;
    });
  return row;
}

/// What --compose names: its settings are known by the unit alone.
inline constexpr MethodInfo composition{.name = "compose", .lr = 1e-3, .summary = "types of the library, composed"};

/// The method of that name; null where there is none.
constexpr const MethodInfo* method_named(std::string_view name) {
  if (name == composition.name) return &composition;
  for (const MethodInfo& m : methods)
    if (m.name == name) return &m;
  return nullptr;
}
