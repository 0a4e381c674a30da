// SPDX-License-Identifier: Apache-2.0
#include "backbone.hpp"

#include <peft/io/config/generation.hpp>
#include <peft/io/config/model_type.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/deberta.hpp>
#include <peft/model/distilbert.hpp>
#include <peft/model/gpt2.hpp>
#include <peft/model/llama.hpp>
#include <peft/model/roberta.hpp>
#include <peft/model/t5.hpp>

using namespace peft;

namespace {

template <class F>
BackboneFacts facts_of(const std::filesystem::path& folder) {
  const auto config = F::read(folder);
  BackboneFacts facts;
  facts.family = F::name;
  facts.sites = F::sites;
  facts.writes = F::spec.causal;
  facts.paired = F::spec.cross;
  facts.longest = F::longest(config);
  facts.vocabulary = config.vocab_size;
  facts.head_deviation = config.initializer_range;
  facts.start = F::start_token(config);
  if (facts.writes) facts.end = read_generation_ids(folder).eos;
  return facts;
}

}  // namespace

BackboneFacts read_facts(const std::filesystem::path& folder) {
  require(std::filesystem::is_directory(folder), "--model ", folder.string(), ": no such folder; one with config.json, model.safetensors and a tokenizer was expected");
  const std::string type = read_model_type(folder);
  if (type == "bert") return facts_of<BertFamily>(folder);
  if (type == "roberta" || type == "xlm-roberta" || type == "camembert") return facts_of<RobertaFamily>(folder);
  if (type == "distilbert") return facts_of<DistilbertFamily>(folder);
  if (type == "deberta-v2") return facts_of<DebertaFamily>(folder);
  if (type == "t5" || type == "mt5") return facts_of<T5Family>(folder);
  if (type == "gpt2") return facts_of<Gpt2Family>(folder);
  if (type == "llama" || type == "mistral" || type == "qwen2") return facts_of<LlamaFamily>(folder);
  fail(folder.string(), "/config.json: model_type is \"", type,
       "\", expected bert, distilbert, roberta, xlm-roberta, camembert, deberta-v2, t5, mt5, gpt2, llama, mistral or qwen2");
}
