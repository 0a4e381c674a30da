// SPDX-License-Identifier: Apache-2.0
#include <peft/core/torch_random.hpp>
#include <peft/delta/vera.hpp>
#include <peft/model/export.hpp>

#include "whole.hpp"

using namespace peft;

namespace {

VeRA small_vera(double dropout = 0) {
  VeRA d;
  d.rank = 5;
  d.dropout = dropout;
  return d;
}

}  // namespace

TEST_CASE("VeRA: gradients and a step", "[gradcheck]") {
  whole::check_alone(small_vera(0.2));
  Delta<VeRA, At<Query, FfnUp, FfnDown>> part;
  part.delta = small_vera(0.1);
  whole::check(Method<Delta<VeRA, At<Query, FfnUp, FfnDown>>>(part));
}

TEST_CASE("VeRA: what it trains, what is shared, how it begins") {
  using Places = At<Query, FfnDown>;
  Delta<VeRA, Places> part;
  part.delta = small_vera();
  Model<Bert<double>, Method<Delta<VeRA, Places>>> model(tiny::bert(tiny::sizes[1]), Method<Delta<VeRA, Places>>(part),
                                                         Classify{3});
  const auto& modules = model.attached().placement(0).modules;
  std::int64_t closed = 3 * model.backbone().width() + 3;
  Extent in = 0, out = 0;
  for (const Module& m : modules) closed += 5 + m.out, in = std::max(in, m.in), out = std::max(out, m.out);
  CHECK(model.trainable() == closed);
  const Field *A = model.find("shared.vera_A"), *B = model.find("shared.vera_B");
  REQUIRE(A != nullptr);
  REQUIRE(B != nullptr);
  CHECK(std::pair(A->rows, A->cols) == std::pair(5, in));
  CHECK(std::pair(B->rows, B->cols) == std::pair(out, 5));
  // B goes on where A's numbers end.
  std::vector<double> stream(static_cast<std::size_t>(A->size() + B->size()));
  torch_uniform(stream, 1, 0);
  const auto a = model.read(*A), b = model.read(*B);
  CHECK(a[3] == Approx(stream[3] * std::sqrt(6. / in)).epsilon(1e-5));
  CHECK(b[4] == Approx(stream[a.size() + 4] * std::sqrt(6. / 5)).epsilon(1e-5));
  for (const double v : model.read(*model.find(modules[0].path + ".vera_lambda_d"))) CHECK(v == 0.1);
  for (const double v : model.read(*model.find(modules[0].path + ".vera_lambda_b"))) CHECK(v == 0);
}

TEST_CASE("VeRA: merged into the weights it is the same map") {
  using Places = At<Query, FfnDown>;
  using M = Model<Bert<double>, Method<Delta<VeRA, Places>>>;
  Delta<VeRA, Places> part;
  part.delta = small_vera();
  M model(tiny::bert(), Method<Delta<VeRA, Places>>(part), Classify{3});
  Engine<M> engine(model, 1);
  const auto& modules = model.attached().placement(0).modules;
  for (const Module& m : modules) {
    const Field& f = *model.find(m.path + ".vera_lambda_b");
    std::vector<double> values(static_cast<std::size_t>(f.size()));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = rng::normal(rng::combine(5, f.name), i);
    model.write(f, values);
  }
  CHECK(engine.plan(4, 12, true) > 0);  // a plan comes before anything is prepared
  engine.prepare();
  const auto merged = merged_weights(model);
  const auto A = model.read(*model.find("shared.vera_A")), B = model.read(*model.find("shared.vera_B"));
  const Extent widest = model.find("shared.vera_A")->cols;
  for (const Module& m : modules) {
    const auto b = model.read(*model.find(m.path + ".vera_lambda_b")),
               d = model.read(*model.find(m.path + ".vera_lambda_d"));
    const Mat<const double> W = model.backbone().store().at(m.path + ".weight");
    double worst = 0, moved = 0;
    for (Extent o = 0; o < m.out; ++o)
      for (Extent i = 0; i < m.in; ++i) {
        double sum = 0;
        for (std::size_t k = 0; k < 5; ++k) sum += b[o] * B[std::size_t(o) * 5 + k] * d[k] * A[k * widest + i];
        moved = std::max(moved, std::abs(sum));
        worst = std::max(worst, std::abs(merged.at(m.path + ".weight")[std::size_t(o) * m.in + i] - (W(o, i) + sum)));
      }
    CHECK(moved > 0.01);
    CHECK(worst < 1e-5);
  }
}

TEST_CASE("uniform numbers as PyTorch draws them", "[golden]") {
  // torch.empty(..).uniform_(-b, b, generator=torch.Generator().manual_seed(seed))
  std::vector<float> v(8);
  torch_uniform(v, 0.3, 0);
  CHECK(v == std::vector<float>{-0x1.2664cep-9f, 0x1.499748p-3f, -0x1.f9addp-3f, -0x1.c42934p-3f, -0x1.d94718p-4f,
                                0x1.498304p-4f, -0x1.858b02p-8f, 0x1.e726bcp-3f});
  std::vector<float> late(2), all(15002);
  const double bound = std::sqrt(3.) * std::sqrt(2.) / std::sqrt(70.);
  torch_uniform(late, bound, 12345678901, 15000);
  torch_uniform(all, bound, 12345678901);
  CHECK(late[0] == -0x1.d9781cp-4f);
  CHECK(late[0] == all[15000]);
  CHECK(all[0] == -0x1.d1799cp-3f);
}
