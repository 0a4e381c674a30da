// SPDX-License-Identifier: Apache-2.0
// Several deltas in one method.
#include <peft/delta/bias.hpp>
#include <peft/delta/mam.hpp>
#include <peft/delta/unipelt.hpp>

#include "whole.hpp"

using namespace peft;

namespace {

constexpr int d = 12, layers = 2, head = 3 * (d + 1);

template <class Method>
std::int64_t trained(const Method& method) {
  Model<Bert<double>, Method> model(tiny::bert(), method, {3});
  return model.trainable() - head;
}
template <class Method>
Method small_prefix(Method method) {
  auto& prefix = std::get<0>(method.deltas).delta;
  prefix.length = 2;
  prefix.inner = 3;
  prefix.zero = false;  // so that every tensor has a gradient at once
  return method;
}

}  // namespace

TEST_CASE("LoRA and BitFit: gradients, a step", "[gradcheck]") {
  Method<Delta<LoRA<2>>, Delta<Bias>> method;
  whole::check(method);
  const int inner = 20,
            biases = layers * (4 * d + inner + d + 2 * d) + d + d;  // linear layers, norms; embeddings' norm, pooler
  CHECK(trained(method) == layers * 2 * 2 * (d + d) + biases);
}

TEST_CASE("a sigmoid gate on a bottleneck: gradients", "[gradcheck]") {
  CHECK(testing::gradcheck_gate<SigmoidGate>().worst < 1e-6);
  whole::check_alone<Adapter<3, ops::Gelu, NearIdentity, SigmoidGate>>();
  GatedPrefix prefix;
  prefix.length = 2;
  prefix.inner = 3;
  whole::check_alone(prefix);
}

TEST_CASE("UniPELT's three submodules behind gates: gradients, a step, half open at first", "[gradcheck]") {
  const auto method = small_prefix(UniPELT<2, 3>{});
  whole::check(method, {.deviation = 0.2});
  const int prefix = 2 * d + 3 * (d + 1) + 2 * layers * d * 4, lora = layers * 2 * 2 * (d + d),
            adapter = layers * (2 * 3 * d + 3 + d);
  CHECK(trained(method) == prefix + lora + adapter + layers * (1 + 2 + 1));

  // A gate at a is the same prefix times sigmoid(a).
  Model<Bert<double>, UniPELT<2, 3>> model(tiny::bert(), method, {3});
  Engine<decltype(model)> engine(model, 1);
  for (const double a : {0., 1.5}) {
    model.write(*model.find("bert.encoder.layer.1.attention.self.gate"), {a});
    engine.prepare();
    const auto& p = std::get<0>(model.values().all).modules[1];
    for (std::size_t i = 0; i < p.k.size(); ++i)
      CHECK(std::abs(p.open_k.data()[i] - p.k.data()[i] / (1 + std::exp(-a))) < 1e-12);
  }
}

TEST_CASE("MAM: gradients, a step, its settings", "[gradcheck]") {
  const auto method = small_prefix(MAM<3>{});
  whole::check(method, {.deviation = 0.2});
  CHECK(trained(method) == 2 * d + 3 * (d + 1) + 2 * layers * d * 4 + layers * (2 * 3 * d + 3 + d));
  const MAM<> standard;
  CHECK(std::get<0>(standard.deltas).delta.length == 30);
  CHECK(std::get<0>(standard.deltas).delta.inner == 800);
  CHECK(std::get<1>(standard.deltas).delta.width == 512);
  CHECK(std::get<1>(standard.deltas).delta.scale == 4);
}
