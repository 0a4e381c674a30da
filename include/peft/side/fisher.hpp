// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <peft/core/error.hpp>

namespace peft {

/// By a weight's name in the checkpoint, for each of its numbers, row-major as (out, in): the mean over examples of the
/// squared derivative of their loss. `fisher_information` (train/fisher.hpp) makes it.
using FisherInformation = std::map<std::string, std::vector<float>>;

/// A number of a weight is worth its Fisher information, as in LST (Sung et al., 2022, section 3.3) and its released
/// code: rows of several weights together the L1 norm of the product of their values. That code chooses each layer's
/// coordinates of the residual stream in turn, from those kept of the embeddings on; here one set serves all layers
/// (side/prune.hpp).
struct Fisher {
  static constexpr bool elementwise = true;

  std::shared_ptr<const FisherInformation> information{};

  std::vector<float> of(const std::string& name, std::size_t size) const {
    require(information != nullptr, "Fisher: there is no information to prune by; fisher_information makes it");
    const auto found = information->find(name);
    require(found != information->end(), "Fisher: there is no information on the weight ", name);
    require(found->second.size() == size, "Fisher: information on ", found->second.size(), " numbers of ", name,
            ", which has ", size);
    return found->second;
  }
};

}  // namespace peft
