// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <peft/model/row_decoder.hpp>
#include <peft/model/text_search.hpp>

namespace peft {

/// Writes texts with a model: what goes on after a prompt (of an encoder-decoder: what it answers). Keeps its memory
/// from one call to the next. Derived tensors must be up to date (Engine::prepare).
template <class M>
class Generator {
 public:
  using Ids = std::vector<std::int32_t>;

  explicit Generator(const M& model) : model_(model), decoder_(model), search_(decoder_) {}

  /// Throws Error for an option or a prompt that cannot be; then nothing was written.
  Generated operator()(std::span<const Ids> prompts, const GenerateOptions& options) {
    const auto& backbone = model_.backbone();
    const Extent added = model_.attached().input_rows() + model_.attached().prefix_rows(model_.values());
    return search_(prompts, options,
                   {backbone.vocabulary(), backbone.longest(), added, M::Backbone::spec.cross, backbone.start_token()});
  }

 private:
  const M& model_;
  RowDecoder<M> decoder_;
  TextSearch<typename M::T> search_;
};

/// The bytes of memory that writing takes beside the model, of prompts that are sorted by their length; nothing is
/// taken.
template <class M>
std::size_t foresee_generation(const M& model, std::span<const std::vector<std::int32_t>> prompts,
                               const GenerateOptions& options) {
  const std::size_t n = prompts.size(), at_once = static_cast<std::size_t>(options.prompts),
                    last = n == 0 ? 0 : (n - 1) % at_once + 1;
  std::size_t most = 0;
  for (std::size_t end : {n, n - last}) {  // the longest, and those before them, of which there may be more
    if (end == 0) continue;
    const auto some =
        prompts.subspan(end - std::min(end, end == n ? last : at_once), end == n ? last : std::min(end, at_once));
    const Extent longest = M::Backbone::spec.cross ? 1 : static_cast<Extent>(some.back().size());
    most = std::max(most, RowDecoder<M>(model).foresee(some, options.beams, longest + options.max_new_tokens - 1));
  }
  return most;
}

/// The new ids that each prompt goes on with.
template <class M>
std::vector<std::vector<std::int32_t>> generate(const M& model, std::span<const std::vector<std::int32_t>> prompts,
                                                const GenerateOptions& options = {}) {
  return Generator<M>(model)(prompts, options).ids;
}

}  // namespace peft
