// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/diff_pruning.hpp>

#include "golden.hpp"

using namespace peft;

TEST_CASE("diff pruning follows PyTorch on a tiny BERT, gates not sampled", "[golden]") {
  using Norms = Delta<DiffPruning, At<FfnNorm, Site::type_table>>;
  using Value1 = Delta<DiffPruning, At<Value, Layers<1, 2>>>;
  const auto agrees = [](const char* file, DiffPruning d) {
    INFO(file);
    d.upper = 1.6;
    d.lambda = 0.01;
    d.gate_lr_factor = 10;
    d.prune_at = 0;
    const Method<Norms, Value1> method(Norms{d}, Value1{d});
    golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / file, Classify{3}, method);
  };
  agrees("diff_pruning.safetensors", {});
  agrees("diff_pruning_released.safetensors", DiffPruning::released());
}
