// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <peft/report/table.hpp>

namespace peft::report {

/// One module of a model as the tree shows it.
struct Module {
  std::string path;            ///< "encoder.layer.0.attention.self.query"
  std::string shape;           ///< of its weights, as text: "384x384"
  std::int64_t total = 0;      ///< parameters, the trainable ones included
  std::int64_t trainable = 0;  ///< parameters
  std::string attached;        ///< "LoRA r=8", or empty
};

/// The delta tree: the modules indented by their path, with shapes, what is attached, trainable and total parameters,
/// and the model's totals at the foot. A line that has lines below it carries their sum; layers that follow each other
/// and have the same content are one line with their sum and, below it, the content of one of them. A module that is
/// named twice is one line. Throws Error on a module without a name or with more trainable parameters than parameters.
Table delta_tree(const std::vector<Module>& modules);

}  // namespace peft::report

#ifndef PEFT_SEPARATE
#include <peft/report/tree.ipp>
#endif
