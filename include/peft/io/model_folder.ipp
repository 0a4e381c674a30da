// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/folder_view.hpp>
#include <peft/io/model_folder.hpp>

namespace peft {

namespace model_folder {

/// What a row's sentence has in the place of {found}, or nothing where the row does not apply.
using Found = std::optional<std::string>;

PEFT_INLINE Found if_any(const std::vector<std::string>& names) { return names.empty() ? Found() : names.front(); }
PEFT_INLINE Found when(bool holds, std::string what = "") { return holds ? Found(std::move(what)) : Found(); }

PEFT_INLINE bool has_weights(const FolderView& f) {
  return f.has("model.safetensors") || f.has("model.safetensors.index.json") || f.has("pytorch_model.bin") ||
         f.has("pytorch_model.bin.index.json");
}

PEFT_INLINE Found nothing(const FolderView& f) { return when(!f.exists()); }

PEFT_INLINE Found plain_file(const FolderView& f) {
  const auto form = f.path().extension();
  const bool weights = form == ".safetensors" || form == ".bin" || form == ".pt" || form == ".pth";
  return when(f.is_file() && !weights);
}

PEFT_INLINE Found empty(const FolderView& f) { return when(f.is_folder() && f.names().empty()); }

PEFT_INLINE Found pointer(const FolderView& f) {
  constexpr std::string_view start = "version https://git-lfs.github.com/spec";
  for (const char* end : {".safetensors", ".bin", ".model", "tokenizer.json", "config.json", ".gguf"})
    for (const auto& name : f.ending_in(end))
      if (f.start_of(name).starts_with(start)) return name;
  return {};
}

PEFT_INLINE Found gguf(const FolderView& f) {
  for (const auto& name : f.ending_in(".gguf")) return when(!has_weights(f), name);
  return {};
}

PEFT_INLINE Found adapter(const FolderView& f) {
  if (!f.has("adapter_config.json") || has_weights(f)) return {};
  const auto base = f.text_in("adapter_config.json", "base_model_name_or_path");
  return base.empty() ? "BASE" : base;
}

PEFT_INLINE Found own_delta(const FolderView& f) { return when(f.has("peft_delta.safetensors") && !has_weights(f)); }

PEFT_INLINE Found above_snapshot(const FolderView& f) {
  if (!f.has("snapshots") || has_weights(f)) return {};
  return if_any(f.below("snapshots").folders());
}

PEFT_INLINE Found hub_cache(const FolderView& f) {
  for (const auto& name : f.folders()) {
    constexpr std::string_view start = "models--";
    if (!name.starts_with(start)) continue;
    std::string model = name.substr(start.size());
    if (const auto split = model.find("--"); split != model.npos) model.replace(split, 2, "/");
    return model;
  }
  return {};
}

PEFT_INLINE Found incomplete_snapshot(const FolderView& f) {
  const auto snapshots = f.path().parent_path(), repository = snapshots.parent_path();
  constexpr std::string_view start = "models--";
  std::string model = repository.filename().string();
  if (snapshots.filename() != "snapshots" || !model.starts_with(start) || has_weights(f)) return {};
  model.erase(0, start.size());
  if (const auto split = model.find("--"); split != model.npos) model.replace(split, 2, "/");
  return model;
}

/// By the config, whose methods are many (bitsandbytes, gptq, awq, hqq, fp8, compressed-tensors, ..), or by what older
/// tools left there.
PEFT_INLINE Found quantised(const FolderView& f) {
  if (f.has("quantize_config.json")) return "GPTQ";
  if (f.has("quant_config.json")) return "AWQ";
  const auto config = f.json("config.json");
  const auto given = config.find("quantization_config");
  if (given == config.end() || !given->is_object()) return {};
  const auto method = given->value("quant_method", nlohmann::json());
  if (method.is_string()) return method.get<std::string>();
  for (const char* key : {"load_in_4bit", "load_in_8bit"})
    if (given->value(key, nlohmann::json()) == true) return "bitsandbytes";
  return {};
}

/// The last of checkpoint-500, checkpoint-1000, .. that a run has left.
PEFT_INLINE Found run(const FolderView& f) {
  if (has_weights(f)) return {};
  long long last = -1;
  Found found;
  for (const auto& name : f.folders()) {
    constexpr std::string_view start = "checkpoint-";
    long long step = 0;
    const char *begin = name.data() + std::min(name.size(), start.size()), *end = name.data() + name.size();
    if (!name.starts_with(start) || begin == end || std::from_chars(begin, end, step).ptr != end || step <= last)
      continue;
    last = step, found = name;
  }
  return found;
}

PEFT_INLINE Found onnx(const FolderView& f) {
  if (has_weights(f)) return {};
  if (auto found = if_any(f.ending_in(".onnx"))) return found;
  const auto inner = if_any(f.below("onnx").ending_in(".onnx"));
  return inner ? Found("onnx/" + *inner) : inner;
}

PEFT_INLINE Found weights_called(const FolderView& f, const char* name) {
  return when(f.has(name) && !has_weights(f), f.architecture());
}
PEFT_INLINE Found tensorflow(const FolderView& f) { return weights_called(f, "tf_model.h5"); }
PEFT_INLINE Found flax(const FolderView& f) { return weights_called(f, "flax_model.msgpack"); }

PEFT_INLINE Found tensorflow_1(const FolderView& f) {
  return has_weights(f) ? Found() : if_any(f.ending_in(".ckpt.index"));
}

PEFT_INLINE Found original_llama(const FolderView& f) {
  return when(f.has("params.json") && f.has("consolidated.00.pth") && !has_weights(f));
}

PEFT_INLINE Found inner_model(const FolderView& f) {
  if (has_weights(f)) return {};
  for (const auto& name : f.folders())
    if (const auto inner = f.below(name); inner.has("config.json") && has_weights(inner)) return name;
  return {};
}

PEFT_INLINE Found another_name(const FolderView& f) {
  return f.is_file() || has_weights(f) ? Found() : if_any(f.ending_in(".safetensors"));
}

PEFT_INLINE Found data(const FolderView& f) {
  if (has_weights(f)) return {};
  for (const char* name : {"train.csv", "train.tsv", "train.txt", "train.json", "train.jsonl"})
    if (f.has(name)) return name;
  return {};
}

PEFT_INLINE Found no_weights(const FolderView& f) { return when(f.is_folder() && !has_weights(f)); }

/// In the order in which they are asked. {path} is the folder, {found} what the row has found.
PEFT_INLINE constexpr struct {
  Found (*find)(const FolderView&);
  const char* sentence;
} kinds[] = {
    {nothing, "{path}: no such folder; expected a Hugging Face model folder, or a file of weights in it"},
    {pointer,
     "{path}: {found} is a pointer of Git LFS, its content has not been fetched: cd {path} && git lfs install && git lfs pull"},
    {gguf,
     "{path}: {found} is a GGUF file of llama.cpp, most often quantised; it cannot be trained on. Take the folder with the .safetensors files of the model that "
     "it was made from (its page at the hub names the base model)"},
    {plain_file,
     "{path} is a file; expected a Hugging Face model folder: config.json, model.safetensors and a tokenizer"},
    {empty, "{path} is an empty folder; hf download OWNER/NAME --local-dir {path} puts a model there"},
    {adapter,
     "{path} holds an adapter of PEFT, not a model: give its base as the model and the folder as the adapter, --model {found} --load {path}"},
    {own_delta,
     "{path} holds what a run has trained, not a model: give it as --load {path}, or go on with --out {path} --resume"},
    {above_snapshot,
     "{path} is the hub cache's folder above a model's files: give {path}/snapshots/{found}, or the model's name"},
    {hub_cache, "{path} is the hub's cache, not a model: give a model by its name, as {found}"},
    {quantised,
     "{path} holds weights quantised with {found}, which cannot be trained on: take the model that they were made from (its page at the hub names the base model)"},
    {run, "{path} holds the checkpoints of a run: give one of them, as {path}/{found}"},
    {inner_model, "{path} has its model in a subfolder: give {path}/{found}"},
    {tensorflow,
     "{path} has weights of TensorFlow alone. Convert them once, with transformers 4 and TensorFlow installed: python3 -c \"from transformers import {found} as M; "
     "M.from_pretrained('{path}', from_tf=True).save_pretrained('{path}')\""},
    {flax,
     "{path} has weights of Flax alone. Convert them once, with transformers 4 and Flax installed: python3 -c \"from transformers import {found} as M; "
     "M.from_pretrained('{path}', from_flax=True).save_pretrained('{path}')\""},
    {tensorflow_1,
     "{path}: {found} is a checkpoint of TensorFlow 1; take the model's folder from the hub, as hf download google-bert/bert-base-uncased"},
    {original_llama,
     "{path} has Llama's weights in Meta's own form; take the folder in Hugging Face's form from the hub, or convert it: python3 -m "
     "transformers.models.llama.convert_llama_weights_to_hf --input_dir {path} --output_dir OTHER"},
    {onnx,
     "{path}: {found} is an export for ONNX, without the weights to train on: take the model's folder with model.safetensors"},
    {incomplete_snapshot, "{path} is in the hub's cache, but its weights are not: hf download {found}"},
    {data, "{path} has {found} in it: a folder of data (--data), not a model"},
    {another_name,
     "{path}: there is neither model.safetensors nor an index of shards in it, but {found}; if that is the whole model: ln -s {found} {path}/model.safetensors"},
    {no_weights,
     "{path}: there is neither model.safetensors nor pytorch_model.bin in it, nor an index of their shards"},
};

PEFT_INLINE constexpr const char* quantised_tensors =
    "{path} holds quantised weights (the tensor \"{found}\"), which cannot be trained on: take the model that they were made from (its page at the hub names the base model)";

/// What the quantisers add to a module: GPTQ and AWQ, bitsandbytes in 8 and in 4 bits, compressed-tensors, FP8.
PEFT_INLINE constexpr std::string_view quantised_parts[] = {
    ".qweight", ".qzeros", ".SCB", ".weight.absmax", ".weight.quant_map", ".weight_packed", ".weight_scale_inv"};

PEFT_INLINE std::string filled(std::string sentence, const std::string& path, const std::string& found) {
  std::string text;
  for (std::size_t at = 0; at < sentence.size();) {
    const std::string_view rest = std::string_view(sentence).substr(at);
    const std::string* value = rest.starts_with("{path}") ? &path : rest.starts_with("{found}") ? &found : nullptr;
    if (value != nullptr)
      text += *value, at = sentence.find('}', at) + 1;
    else
      text += sentence[at++];
  }
  return text;
}

}  // namespace model_folder

PEFT_INLINE std::optional<std::string> why_no_model(const std::filesystem::path& path) {
  const FolderView view(path);
  for (const auto& [find, sentence] : model_folder::kinds)
    if (const auto found = find(view)) return model_folder::filled(sentence, path.string(), *found);
  return std::nullopt;
}

PEFT_INLINE void check_model_folder(const std::filesystem::path& path) {
  if (const auto why = why_no_model(path)) fail(*why);
}

PEFT_INLINE std::optional<std::string> why_no_weights(const std::filesystem::path& path,
                                                      std::span<const std::string> names) {
  for (const auto& name : names)
    for (const auto part : model_folder::quantised_parts)
      if (name.ends_with(part)) return model_folder::filled(model_folder::quantised_tensors, path.string(), name);
  return std::nullopt;
}

}  // namespace peft
