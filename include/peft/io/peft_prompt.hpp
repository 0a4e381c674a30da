// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/io/peft_adapter.hpp>

namespace peft {

struct Prefix;
struct PTuningV2;
struct Prompt;
struct PTuning;

/// Virtual tokens in PEFT's files. Of an encoder (prefix tuning's projection, P-tuning's) these hold the output alone:
/// enough to predict with, and to train on without the encoder; our own file beside them has the encoder too. A model's
/// derived tensors are what is written: prepare them first (`Engine::prepare`, which `fit` does).
namespace peft_prompt {

inline constexpr const char* tensor = "prompt_embeddings";

/// What PEFT fills in from the backbone's config itself where it is missing.
void describe(int width, int layers, int heads, PeftAdapter& to);
inline void describe(const auto& shape, PeftAdapter& to) { describe(shape.width, shape.layers, shape.heads, to); }
/// The number of stacks that have rows: 2 for an encoder-decoder (num_transformer_submodules).
std::int64_t stacks(const PeftAdapter& from);
/// The number of virtual tokens.
int length(const PeftAdapter& from);
/// The rows (length, width) before an encoder's embeddings. For a decoder behind it PEFT keeps as many again, and never
/// reads them.
HostTensor rows(PeftTensors& left, std::string ours, std::int64_t length, std::int64_t width);

/// Rows before the embeddings: prompt tuning and P-tuning.
struct Rows {
  static constexpr const char* prefix = "base_model.";
  static void write_rows(const auto& delta, const auto& modules, const TensorsByName& own, PeftAdapter& to) {
    const HostTensor& rows = own.at(modules.at(0).path + ".prompt");
    to.config["num_virtual_tokens"] = delta.length;
    to.add(tensor, rows.shape, rows.data);
  }
  static std::vector<HostTensor> read(const auto& delta, const auto& modules, PeftTensors& left) {
    return {rows(left, modules.at(0).path + ".prompt", delta.length, modules.at(0).out)};
  }
};

}  // namespace peft_prompt

template <>
struct PeftFormat<Prompt> : peft_prompt::Rows {
  static constexpr const char* kind = "PROMPT_TUNING";

  static void describe(const auto& shape, PeftAdapter& to) { peft_prompt::describe(shape, to); }
  static void write(const auto& delta, const auto& modules, const TensorsByName& own, PeftAdapter& to) {
    write_rows(delta, modules, own, to);
    to.config["prompt_tuning_init"] = "RANDOM";
  }
  static void configure(const PeftAdapter& from, auto& part) { part.delta.length = peft_prompt::length(from); }
};

template <>
struct PeftFormat<PTuning> : peft_prompt::Rows {
  static constexpr const char* kind = "P_TUNING";
  static constexpr bool lossy = true;

  static void describe(const auto& shape, PeftAdapter& to) { peft_prompt::describe(shape, to); }
  static void write(const auto& delta, const auto& modules, const TensorsByName& own, PeftAdapter& to) {
    using Encoder = decltype(delta.encoder);
    write_rows(delta, modules, own, to);
    to.config["encoder_reparameterization_type"] = delta.encoder == Encoder::lstm ? "LSTM" : "MLP";
    to.config["encoder_hidden_size"] = delta.inner_of(modules.at(0).out);
    to.config["encoder_num_layers"] = delta.encoder == Encoder::lstm ? delta.lstm_layers : 2;
    to.config["encoder_dropout"] = 0.0;
  }
  /// The file does not have the encoder.
  static void configure(const PeftAdapter& from, auto& part) {
    part.delta.length = peft_prompt::length(from);
    part.delta.encoder = std::remove_cvref_t<decltype(part.delta.encoder)>::none;
  }
};

/// One tensor (n, L 2 d): in every row each layer's key, then its value.
template <>
struct PeftFormat<Prefix> {
  static constexpr const char* kind = "PREFIX_TUNING";
  static constexpr const char* prefix = "base_model.";
  static constexpr bool lossy = true;

  static void describe(const auto& shape, PeftAdapter& to) { peft_prompt::describe(shape, to); }
  static std::string cannot(const auto& modules, const auto& shape) {
    if (shape.encoder_layers > 0)
      return "PEFT's prefix beside an encoder-decoder stands before the decoder's keys alone";
    if (modules.size() == static_cast<std::size_t>(shape.layers)) return "";
    return cat("PEFT's prefix tuning sits in every layer of a backbone; this one in ", modules.size(), " of ",
               shape.layers);
  }
  static void write(const auto& delta, const auto& modules, const TensorsByName& own, PeftAdapter& to) {
    to.config["num_virtual_tokens"] = delta.length;
    to.config["prefix_projection"] = delta.projection;
    to.config["encoder_hidden_size"] = delta.inner;
    const std::size_t n = static_cast<std::size_t>(delta.length), d = static_cast<std::size_t>(modules.at(0).out);
    const std::size_t parts = 2 * modules.size();
    std::vector<float> all(n * parts * d);
    for (std::size_t k = 0; k < parts; ++k) {
      const HostTensor& one = own.at(name(modules, k));
      for (std::size_t i = 0; i < n; ++i) std::copy_n(one.data.data() + i * d, d, all.data() + (i * parts + k) * d);
    }
    to.add(peft_prompt::tensor, {std::int64_t(n), std::int64_t(parts * d)}, std::move(all));
  }
  /// Keys and values themselves, whatever made them.
  static void configure(const PeftAdapter& from, auto& part) {
    if (peft_prompt::stacks(from) != 1)
      from.fields().refuse("num_transformer_submodules", "1 (a prefix of an encoder with a decoder is not read)");
    part.delta.length = peft_prompt::length(from);
    part.delta.projection = false;
  }
  static std::vector<HostTensor> read(const auto& delta, const auto& modules, PeftTensors& left) {
    const std::size_t n = static_cast<std::size_t>(delta.length), d = static_cast<std::size_t>(modules.at(0).out);
    const std::size_t parts = 2 * modules.size();
    const HostTensor all = left.take(peft_prompt::tensor, "", {std::int64_t(n), std::int64_t(parts * d)});
    std::vector<HostTensor> own;
    for (std::size_t k = 0; k < parts; ++k) {
      HostTensor one{name(modules, k), {std::int64_t(n), std::int64_t(d)}, std::vector<float>(n * d)};
      for (std::size_t i = 0; i < n; ++i)
        std::copy_n(all.data.data() + (i * parts + k) * d, d, one.data.data() + i * d);
      own.push_back(std::move(one));
    }
    return own;
  }

 private:
  static std::string name(const auto& modules, std::size_t k) {
    return modules[k / 2].path + (k % 2 == 0 ? ".prefix.key" : ".prefix.value");
  }
};
template <>
struct PeftFormat<PTuningV2> : PeftFormat<Prefix> {};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_prompt.ipp>
#endif
