// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include <peft/model/row_decoder.hpp>
#include <peft/model/text_search.hpp>

namespace peft {

/// Writes texts with a model: what goes on after a prompt (of an encoder-decoder: what it answers). Keeps its memory from one call
/// to the next. Derived tensors must be up to date (Engine::prepare).
template <class M>
class Generator {
 public:
  using Ids = std::vector<std::int32_t>;

  explicit Generator(const M& model) : model_(model), decoder_(model), search_(decoder_) {}

  /// Throws Error for an option or a prompt that cannot be; then nothing was written.
  Generated operator()(std::span<const Ids> prompts, const GenerateOptions& options) {
    const auto& backbone = model_.backbone();
    const Extent added = model_.attached().input_rows() + model_.attached().prefix_rows(model_.values());
    return search_(prompts, options, {backbone.vocabulary(), backbone.longest(), added, M::Backbone::spec.cross, backbone.start_token()});
  }

 private:
  const M& model_;
  RowDecoder<M> decoder_;
  TextSearch<typename M::T> search_;
};

/// The new ids that each prompt goes on with.
template <class M>
std::vector<std::vector<std::int32_t>> generate(const M& model, std::span<const std::vector<std::int32_t>> prompts, const GenerateOptions& options = {}) {
  return Generator<M>(model)(prompts, options).ids;
}

}  // namespace peft
