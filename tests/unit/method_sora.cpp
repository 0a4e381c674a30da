// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/sora.hpp>

#include "whole.hpp"

using namespace peft;

namespace {

std::vector<double> shrunk(auto xi, double strength, double lr, std::vector<double> values) {
  auto w = testing::roomy_worker();
  Context<double, Host> c{w};
  testing::Tensor<double> g(1, static_cast<Extent>(values.size()));
  g.set(values);
  xi.shrink(c, g.view, strength, lr);
  return g.host();
}

template <class Start>
std::vector<double> first_gates() {
  SoRA<3, ScaledByLr, Start> method;
  Model<Bert<double>, SoRA<3, ScaledByLr, Start>> model(tiny::bert(), method, {3});
  return model.read(*model.find("bert.encoder.layer.1.output.dense.lora_g"));
}

}  // namespace

TEST_CASE("SoRA: what shrinks the gates") {
  const std::vector<double> gates{0, 0.5, -0.5, 0.875, -0.875, 1, -1, 2, -2, 2.25, -2.25};
  CHECK(shrunk(ConstantXi{}, 0.5, 9, gates) ==
        std::vector<double>{0, 0, 0, 0.375, -0.375, 0.5, -0.5, 1.5, -1.5, 1.75, -1.75});
  CHECK(shrunk(ScaledByLr{}, 2, 0.25, gates) == shrunk(ConstantXi{}, 0.5, 9, gates));
  // The released code: zero below 2 xi, but |g| = xi stays.
  CHECK(shrunk(ReferenceXi{}, 0.5, 9, gates) ==
        std::vector<double>{0, 0.5, -0.5, 0, 0, 0.5, -0.5, 1.5, -1.5, 1.75, -1.75});
  const double nan = std::nan("");
  CHECK(std::isnan(shrunk(ConstantXi{}, 0.5, 9, {nan})[0]));
  CHECK(std::isnan(shrunk(ReferenceXi{}, 0.5, 9, {nan})[0]));
}

TEST_CASE("SoRA: how the gates begin") {
  CHECK(first_gates<Ones>() == std::vector<double>{1, 1, 1});
  const auto drawn = first_gates<Normal01>();
  CHECK(drawn.size() == 3);
  CHECK(drawn[0] != drawn[1]);
}

TEST_CASE("SoRA with the released code's penalty: gradients, parameters, a step") {
  using Method = ReferenceSoRA<2>;
  whole::check_alone<LoRA<3, ProximalGate<ReferenceXi, Normal01, MeanPenalty>>>();
  const Method method;
  whole::check(method);

  Model<Bert<double>, Method> model(tiny::bert(), method, {3});
  std::int64_t expected = 3 * 12 + 3;  // the head
  for (const Module& m : model.attached().placement(0).modules) expected += 2 * (m.in + m.out + 1);
  CHECK(model.trainable() == expected);
}

TEST_CASE("SoRA: xi may be raised between steps") {
  using Method = SoRA<2, ConstantXi, Ones>;
  Model<Bert<double>, Method> model(tiny::bert(), Method{}, {3});
  Engine<Model<Bert<double>, Method>> engine(model, 1);
  const auto gate = [&] { return model.read(*model.find("bert.encoder.layer.0.attention.self.query.lora_g"))[0]; };
  model.attached().delta<0>().gate.strength = 0.25;
  engine.after_step({1, 1, 3});
  CHECK(gate() == 0.75);
  model.attached().delta<0>().gate.strength = 0.5;
  engine.after_step({1, 2, 3});
  CHECK(gate() == 0.25);
  engine.after_step({1, 3, 3});
  CHECK(gate() == 0);
}
