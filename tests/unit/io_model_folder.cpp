// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <initializer_list>
#include <peft/io/checkpoint.hpp>
#include <peft/io/model_folder.hpp>
#include <peft/io/safetensors_write.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "io_temporary.hpp"

using namespace peft;
namespace fs = std::filesystem;

namespace {

/// What is said of a folder with these files.
std::string said(std::initializer_list<std::pair<std::string_view, std::string_view>> files,
                 const std::string& inner = ".") {
  const Temporary folder;
  for (const auto& [name, content] : files) {
    fs::create_directories((folder / name).parent_path());
    put(folder / name, content);
  }
  const auto path = inner == "." ? folder.path() : folder / inner;
  const std::string opening = error_of([&] { Checkpoint::open(path); }), why = why_no_model(path).value_or("");
  if (!why.empty()) CHECK(opening == why);
  return why;
}

}  // namespace

TEST_CASE("model folder: what stands in its place is named, with what works") {
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 438000000\n";
  CHECK(lacks(said({}, "nowhere"), {"nowhere", "no such folder"}) == "");
  CHECK(lacks(said({}), {"empty folder", "hf download"}) == "");
  CHECK(lacks(said({{"model.txt", "x"}}, "model.txt"), {"is a file", "config.json"}) == "");
  CHECK(lacks(said({{"adapter_config.json", R"({"base_model_name_or_path":"some/base"})"}, {"adapter_model.bin", ""}}),
              {"adapter of PEFT", "--model some/base --load "}) == "");
  CHECK(lacks(said({{"adapter_config.json", "damaged"}}), {"--model BASE --load "}) == "");
  CHECK(lacks(said({{"peft_delta.safetensors", ""}}), {"a run has trained", "--load"}) == "");
  CHECK(lacks(said({{"m/refs/main", "abc"}, {"m/snapshots/abc/config.json", "{}"}}, "m"), {"m/snapshots/abc"}) == "");
  CHECK(lacks(said({{"hub/models--me--model/snapshots/abc/config.json", "{}"}}, "hub"), {"hub's cache", "me/model"}) ==
        "");
  CHECK(lacks(said({{"hub/models--me--model/snapshots/abc/config.json", "{}"}}, "hub/models--me--model/snapshots/abc"),
              {"hf download me/model"}) == "");
  CHECK(lacks(said({{"config.json", "{}"}, {"model.safetensors", pointer}}), {"model.safetensors", "git lfs pull"}) ==
        "");
  CHECK(lacks(said({{"config.json", "{}"}, {"pytorch_model-00001-of-00002.bin", pointer}}),
              {"00001-of", "git lfs pull"}) == "");
  CHECK(lacks(said({{"model.safetensors", pointer}}, "model.safetensors"), {"git lfs pull"}) == "");
  CHECK(lacks(said({{"config.json", "{}"}, {"model-q4.gguf", "GGUF"}}), {"model-q4.gguf", "base model"}) == "");
  CHECK(lacks(said({{"model-q4.gguf", "GGUF"}}, "model-q4.gguf"), {"llama.cpp"}) == "");
  for (const char* method : {"gptq", "awq", "bitsandbytes", "fp8"})
    CHECK(lacks(said({{"config.json", R"({"quantization_config":{"quant_method":")" + std::string(method) + R"("}})"},
                      {"model.safetensors", ""}}),
                {"quantised with", method}) == "");
  CHECK(lacks(said({{"config.json", R"({"quantization_config":{"load_in_8bit":true}})"}, {"model.safetensors", ""}}),
              {"bitsandbytes"}) == "");
  CHECK(lacks(said({{"config.json", "{}"}, {"quantize_config.json", "{}"}, {"model.safetensors", ""}}), {"GPTQ"}) ==
        "");
  CHECK(lacks(said({{"checkpoint-500/config.json", "{}"},
                    {"checkpoint-1000/config.json", "{}"},
                    {"checkpoint-best/x", ""}}),
              {"run", "checkpoint-1000"}) == "");
  CHECK(
      lacks(
          said({{"modules.json", "[]"}, {"0_Transformer/config.json", "{}"}, {"0_Transformer/pytorch_model.bin", ""}}),
          {"/0_Transformer"}) == "");
  CHECK(lacks(said({{"config.json", R"({"architectures":["BertForMaskedLM"]})"}, {"tf_model.h5", ""}}),
              {"TensorFlow", "BertForMaskedLM", "from_tf"}) == "");
  CHECK(lacks(said({{"config.json", R"({"architectures":["X; import os"]})"}, {"flax_model.msgpack", ""}}),
              {"Flax", "import AutoModel as M", "from_flax"}) == "");
  CHECK(lacks(said({{"bert_model.ckpt.index", ""}, {"bert_config.json", "{}"}}), {"TensorFlow 1"}) == "");
  CHECK(lacks(said({{"params.json", "{}"}, {"consolidated.00.pth", ""}}),
              {"Meta's own form", "convert_llama_weights_to_hf"}) == "");
  CHECK(lacks(said({{"config.json", "{}"}, {"onnx/model.onnx", ""}}), {"onnx/model.onnx", "ONNX"}) == "");
  CHECK(lacks(said({{"train.csv", ""}, {"dev.csv", ""}}), {"folder of data", "--data"}) == "");
  CHECK(lacks(said({{"config.json", "{}"}, {"model.fp16.safetensors", ""}}), {"model.fp16.safetensors", "ln -s"}) ==
        "");
  CHECK(lacks(said({{"config.json", "{}"}, {"tokenizer.json", "{}"}}),
              {"neither model.safetensors nor pytorch_model.bin"}) == "");
}

TEST_CASE("model folder: a model is a model, whatever lies beside it") {
  CHECK(said({{"config.json", "{}"},
              {"model.safetensors", "x"},
              {"adapter_config.json", "{}"},
              {"tf_model.h5", ""},
              {"onnx/model.onnx", ""},
              {"train.csv", ""},
              {"checkpoint-1/config.json", "{}"},
              {"model.gguf", ""},
              {"snapshots/a/b", ""}}) == "");
  CHECK(said({{"config.json", "damaged"}, {"pytorch_model.bin.index.json", "{}"}}) == "");
  CHECK(said({{"config.json", R"({"quantization_config":null})"}, {"model.safetensors.index.json", "{}"}}) == "");
}

TEST_CASE("model folder: quantised tensors are named whatever the config says") {
  const Temporary folder;
  const float value = 1;
  for (const char* name :
       {"layer.q_proj.qweight", "layer.q_proj.qzeros", "layer.q_proj.SCB", "layer.q_proj.weight.absmax"}) {
    const NamedTensor tensor{name, DType::F32, {1}, &value};
    write_safetensors(folder / "model.safetensors", std::span(&tensor, 1));
    CHECK(lacks(error_of([&] { Checkpoint::open(folder.path()); }), {"quantised", name}) == "");
  }
}
