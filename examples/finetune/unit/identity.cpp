// SPDX-License-Identifier: Apache-2.0
// What a run is: all that must be the same when it is resumed, by name.
#include "job.hpp"

#include <filesystem>
#include <initializer_list>
#include <span>

#include <peft/io/hash.hpp>
#include <peft/io/json.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/tensor_hash.hpp>

using namespace peft;
namespace fs = std::filesystem;

namespace {

// Keys of which nothing that is computed depends: where a file is from, and who wrote it.
constexpr auto of_no_number_in_model = {"_name_or_path", "transformers_version", "torch_dtype", "dtype", "use_cache"};
constexpr auto of_no_number_in_adapter = {"base_model_name_or_path", "revision", "peft_version", "auto_mapping",
                                          "inference_mode"};

/// What a document says, however its text was laid out.
std::string said_in(nlohmann::json document, std::initializer_list<const char*> but) {
  if (document.is_object())
    for (const char* key : but) document.erase(key);
  return to_text(document, -1, "the identity of a run");
}

template <class N>
void add_numbers(Hash& hash, const std::vector<N>& numbers) {
  hash.add(std::uint64_t{numbers.size()}).add(std::as_bytes(std::span(numbers)));
}

void add_names(Hash& hash, const std::vector<std::string>& names) {
  hash.add(std::uint64_t{names.size()});
  for (const std::string& name : names) hash.add(name);
}

void add_tensors(Hash& hash, const std::vector<HostTensor>& tensors) {
  for (const HostTensor& t : tensors) {
    add_numbers(hash.add(t.name), t.shape);
    add_numbers(hash, t.data);
  }
}

std::string digest(const Hash& hash) { return "hash " + hash_text(hash.value()); }

std::string weights_of(const CheckpointTensors& file) {
  const auto tensors = file.named();
  return cat(tensors.size(), " tensors, hash ", hash_text(cached_tensor_hash(tensors)));
}

/// The numbers of a model beside its weights, and what its texts begin and end with.
std::string config_of(const fs::path& folder) {
  Hash hash;
  for (const char* name : {"config.json", "generation_config.json"})
    if (fs::exists(folder / name)) hash.add(name).add(said_in(parse_json_file(folder / name), of_no_number_in_model));
  return digest(hash);
}

std::string tokenizer_of(const fs::path& folder) {
  Hash hash;
  for (const fs::path& file : Tokenizer::files(folder)) hash.add(file.filename().string()).add(MappedFile(file).text());
  return digest(hash);
}

/// Examples as the model reads them, whatever file they are from.
std::string data_of(const auto& tokenized) {
  if (!tokenized) return "none";
  Hash hash;
  for (std::size_t i = 0; i < tokenized->size(); ++i) {
    Batch one;
    tokenized->add_to(one, i);
    for (const auto* list : {&one.offsets, &one.ids, &one.types, &one.slots, &one.decoder_offsets, &one.decoder_ids})
      add_numbers(hash, *list);
    add_numbers(hash, one.targets);
    add_numbers(hash, one.examples);
  }
  return cat(tokenized->size(), " examples, ", digest(hash));
}

std::string classes_of(const Dataset& train) {
  if (train.regression) return "none: scores";
  Hash hash;
  add_names(hash, train.label_names);
  return cat(in_words(train.label_names), " (", train.label_names.size(), ", ", digest(hash), ")");
}

std::string loaded(const DeltaFile& delta) {
  Hash hash;
  hash.add(delta.method);
  for (const auto& [key, value] : delta.settings) hash.add(key).add(value);
  add_tensors(hash, delta.tensors);
  return cat("a delta of ", delta.method, ", ", digest(hash));
}

std::string loaded(const PeftAdapter& adapter) {
  Hash hash;
  hash.add(said_in(adapter.config, of_no_number_in_adapter));
  add_tensors(hash, adapter.tensors);
  if (adapter.labels) add_names(hash, *adapter.labels);
  for (const auto& [key, order] : adapter.key_order) add_names(hash.add(key), order);
  return cat("an adapter of kind ", adapter.kind(), ", ", digest(hash));
}

}  // namespace

Notes Job::identity(const CheckpointTensors& weights) const {
  const Options& o = options;
  std::string all_settings;
  for (const auto& [key, value] : settings_) all_settings += key + "=" + value + " ";
  Notes notes{{"weights of --model", weights_of(weights)},
              {"config of --model", config_of(o.model)},
              {"tokenizer of --model", tokenizer_of(o.model)},
              {"content of --load", delta     ? loaded(*delta)
                                    : adapter ? loaded(*adapter)
                                              : "none"},
              {"training data", facts.writes ? data_of(pair_loader ? &pair_loader->data() : nullptr)
                                             : data_of(loader ? &loader->data() : nullptr)},
              {"dev data", facts.writes ? data_of(dev_pairs) : data_of(dev_tokens)},
              {"classes", facts.writes ? "none: texts" : classes_of(train)},
              {"task", o.task},
              {"method", o.method},
              {"rank", cat(o.rank)},
              {"alpha", shortest(o.alpha)},
              {"sites", o.sites},
              {"settings", all_settings},
              {"pooling", o.pooling},
              {"batch", cat(o.batch)},
              {"batch-tokens", cat(o.batch_tokens)},
              {"bucket", cat(o.bucket)},
              {"order", o.shuffle ? "shuffled" : "as in the file"},
              {"max-length", cat(o.max_length)},
              {"drop-layers", cat(o.drop_layers)},
              {"dropout", shortest(o.dropout)},
              {"head-lr", shortest(o.head_lr)},
              {"delta-dropout", shortest(o.delta_dropout)}};
  if (!o.include.empty()) notes["content of --include"] = header_hash();
  return notes;
}
