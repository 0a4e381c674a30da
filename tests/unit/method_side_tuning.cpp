// SPDX-License-Identifier: Apache-2.0
#include <peft/side/side_tuning.hpp>

#include "whole.hpp"

using namespace peft;

namespace {

using BlendNet = SideTuning<2>;
using Side = Method<SideNet<BlendNet>>;
static_assert(!Lane<Model<Bert<double>, Side>>::crosses);

auto& blend_net(auto& method) { return std::get<0>(method.deltas).delta; }

}  // namespace

/// The backbone's backward is not even compiled: whoever names it here does not compile.
template <>
void peft::nn::Block<Pass<Bert<double>, Side>::Call>::backward(const Pass<Bert<double>, Side>::Call&, const nn::Shape&,
                                                               Mat<double>, Mat<double>) = delete;

TEST_CASE("side-tuning alone") {
  BlendNet side;
  whole::check_alone(side);
  side.blends = false;
  side.depth = 1;
  whole::check_alone(side);
}

TEST_CASE("side-tuning in whole models") {
  Side method;
  blend_net(method).pruned = true;
  whole::check(method);
  blend_net(method).depth = 1;
  blend_net(method).heads = 1;
  blend_net(method).blends = false;
  whole::check<ClassifyMean>(method, {.labels = 1});
}

TEST_CASE("side-tuning trains what its closed form says, and halves the backbone at first") {
  const std::int64_t d = 24, inner = 40, w = 12, f = 20;
  const auto backbone = tiny::bert({int(d), 2, 4, int(inner)});
  for (const bool blends : {true, false}) {
    Side method;
    blend_net(method).depth = 3;
    blend_net(method).blends = blends;
    Model<Bert<double>, Side> model(backbone, method, {3});
    CHECK(model.trainable() ==
          3 * d + 3 + blends + d * w + w + 3 * (4 * (w * w + w) + 2 * w * f + f + w + 4 * w) + w * d + d);
  }
  // With S = 0: the mean of the last layer counts for a half.
  Model<Bert<double>, Side, ClassifyMean> model(backbone, {}, {3});
  Model<Bert<double>, Method<>, ClassifyMean> head(backbone, {}, {3});
  for (const char* name : {"side.up.weight", "side.up.bias"}) {
    const Field& f = *model.find(name);
    model.write(f, std::vector<double>(std::size_t(f.size()), 0));
  }
  Engine engine(model, 1);
  Engine plain(head, 1);
  engine.prepare();
  plain.prepare();
  const Batch data = tiny::batch({1, 7, 3, 12});
  const auto half = engine.predict(data), whole = plain.predict(data);
  for (std::size_t i = 0; i < half.size(); ++i) CHECK(std::abs(2 * half[i] - whole[i]) < 1e-12);
}
