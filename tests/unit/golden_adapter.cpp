// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/houlsby.hpp>
#include <peft/delta/pfeiffer.hpp>
#include <peft/delta/seq_bn.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

template <class Method>
void adapter_follows(const char* file, Method method = {}) {
  golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / file, Classify{3}, method);
}

}  // namespace

TEST_CASE("Houlsby's adapters follow PyTorch", "[golden]") { adapter_follows<Houlsby<4>>("houlsby.safetensors"); }

TEST_CASE("Pfeiffer's adapters, the lowest layer left out, follow PyTorch", "[golden]") {
  adapter_follows<Method<Delta<PfeifferAdapter<4>, At<Ffn, Layers<1, 3>>>>>("pfeiffer.safetensors");
}

TEST_CASE("Pfeiffer's adapters between two norms, as AdapterHub's, follow PyTorch", "[golden]") {
  adapter_follows<SeqBn<4>>("seq_bn.safetensors");
  adapter_follows<
      Method<Delta<SeqBnAdapter<4>, At<FfnNorm, Layers<1, 3>>>, Delta<Full, At<AttnNorm, FfnNorm, Layers<1, 3>>>>>(
      "seq_bn_norms.safetensors");
}

TEST_CASE("parallel adapters follow PyTorch", "[golden]") {
  adapter_follows<Method<Delta<ParallelAdapter<4>>>>("parallel_adapter.safetensors");
}
