// SPDX-License-Identifier: Apache-2.0
#include "backbone.hpp"

#include <limits>

#include <peft/io/config/generation.hpp>
#include <peft/io/config/model_type.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/checkpoint_tensors.hpp>
#include <peft/model/deberta.hpp>
#include <peft/model/distilbert.hpp>
#include <peft/model/gpt2.hpp>
#include <peft/model/llama.hpp>
#include <peft/model/peft_backbone.hpp>
#include <peft/model/roberta.hpp>
#include <peft/model/t5.hpp>

#include "../front/families.hpp"

using namespace peft;

namespace {

template <class F>
BackboneFacts facts_of(const std::filesystem::path& folder) {
  const auto config = F::read(folder);
  BackboneFacts facts;
  facts.family = F::name;
  facts.sites = F::sites;
  for (const SiteInfo& s : site_table)
    if (F::sites.contains(s.site)) facts.paths.push_back({s.site, F::path(s.site)});
  facts.writes = F::spec.causal;
  facts.paired = F::spec.cross;
  facts.longest = F::longest(config);
  facts.vocabulary = config.vocab_size;
  facts.head_deviation = config.initializer_range;
  if (config.num_labels > 1) facts.labels = config.labels;
  for (int i = static_cast<int>(facts.labels.size()); config.num_labels > 1 && i < config.num_labels; ++i)
    facts.labels.push_back(cat("LABEL_", i));
  facts.start = F::start_token(config);
  facts.names = module_names<F>();
  facts.tensors = {F::prefix, F::other_prefixes(), F::renamed()};
  if (facts.writes) facts.end = read_generation_ids(folder).eos;
  return facts;
}

/// Reads the config of that family's kind.
template <class... F>
struct Read {
  static BackboneFacts facts(const std::filesystem::path& folder, std::string_view family) {
    BackboneFacts facts;
    const bool found = ((family == F::name && (facts = facts_of<F>(folder), true)) || ...);
    require(found, folder.string(), ": the family ", std::string(family), " is not compiled into this program");
    return facts;
  }
};

}  // namespace

BackboneFacts read_facts(const std::filesystem::path& folder) {
  const std::string type = read_model_type(folder);
  const FamilyInfo* family = family_of(type);
  require(family, folder.string(), "/config.json: model_type is \"", type, "\", which is of no family of this program");
  using All = Read<BertFamily, DistilbertFamily, RobertaFamily, DebertaFamily, T5Family, Gpt2Family, LlamaFamily>;
  return All::facts(folder, family->name);
}

std::optional<HostTensor> read_tensor(const std::filesystem::path& folder, const BackboneFacts& facts,
                                      const std::string& name) {
  const CheckpointTensors file(Checkpoint::open(folder), facts.tensors);
  const TensorRef* t = file.find(name);
  file.check_finite(name, std::numeric_limits<float>::max());
  return t ? std::optional(HostTensor{name, t->shape, t->values<float>()}) : std::nullopt;
}
