// SPDX-License-Identifier: Apache-2.0
#include <peft/side/ladder.hpp>

#include "whole.hpp"

using namespace peft;

namespace {

using LadderNet = Ladder<2>;
using Lst = Method<SideNet<LadderNet>>;
static_assert(DeltaFor<LadderNet, Site::side> && !DeltaFor<LadderNet, Site::layer>);
static_assert(!Lane<Model<Bert<double>, Lst>>::crosses);

auto& ladder_net(auto& method) { return std::get<0>(method.deltas).delta; }

}  // namespace

/// The backbone's backward is not even compiled: whoever names it here does not compile.
template <>
void peft::nn::Block<Pass<Bert<double>, Lst>>::backward(Pass<Bert<double>, Lst>&, const nn::Shape&, Mat<double>, Mat<double>) = delete;

TEST_CASE("LST alone") {
  LadderNet ladder;
  ladder.temperature = 0.5;  // or the gates of these random tensors would hardly let a gradient through
  whole::check_alone(ladder);
  ladder.replaces = false;
  ladder.layers = {0, 2};
  whole::check_alone(ladder);
}

TEST_CASE("LST in whole models") {
  Lst method;
  ladder_net(method).temperature = 0.5;
  whole::check(method);
  ladder_net(method).replaces = ladder_net(method).pruned = false;
  ladder_net(method).layers = {0};
  ladder_net(method).heads = 1;
  whole::check<ClassifyMean>(method, {.labels = 1});
}

TEST_CASE("LST trains what its closed form says") {
  const std::int64_t d = 24, inner = 40;
  for (const int r : {2, 4})
    for (const std::vector<int>& at : {std::vector<int>{}, {1, 3}}) {
      Lst method;
      ladder_net(method).reduction = r;
      ladder_net(method).layers = at;
      Model<Bert<double>, Lst> model(tiny::bert({int(d), 2, 4, int(inner)}), {3}, method);
      const std::int64_t w = d / r, f = inner / r, blocks = at.empty() ? 4 : std::int64_t(at.size());
      CHECK(model.trainable() == 3 * d + 3 + d * w + w + blocks * (d * w + w + 1 + 4 * (w * w + w) + 2 * w * f + f + w + 4 * w) + w * d + d);
    }
}

TEST_CASE("LST's blocks begin as the strongest part of the backbone's") {
  const auto backbone = tiny::bert({12, 2, 2, 20});
  Lst method;
  ladder_net(method).reduction = 3;  // two rows of each head's six, four of the stream's twelve coordinates
  Model<Bert<double>, Lst> model(backbone, {3}, method);
  const auto value = [&](const std::string& name) { return backbone->store().at(name); };
  const std::string layer = "bert.encoder.layer.";
  std::vector<double> score(12);
  for (const std::string l : {"0", "1"}) {
    for (const char* reads : {".attention.self.query", ".attention.self.key", ".attention.self.value", ".intermediate.dense"}) {
      const auto w = value(layer + l + reads + ".weight");
      for (int i = 0; i < rows(w); ++i)
        for (int j = 0; j < 12; ++j) score[j] += std::abs(w(i, j));
    }
    for (const char* writes : {".attention.output.dense", ".output.dense"}) {
      const auto w = value(layer + l + writes + ".weight");
      for (int i = 0; i < 12; ++i)
        for (int j = 0; j < cols(w); ++j) score[i] += std::abs(w(i, j));
    }
  }
  // By exhaustion: how many are larger.
  const auto among = [](const std::vector<double>& s, int begin, int end, int count) {
    std::vector<int> kept;
    for (int i = begin; i < end; ++i) {
      int larger = 0;
      for (int j = begin; j < end; ++j) larger += s[j] > s[i];
      if (larger < count) kept.push_back(i);
    }
    return kept;
  };
  const std::vector<int> stream = among(score, 0, 12, 4);
  REQUIRE(stream.size() == 4);
  std::vector<double> joint(12, 1);
  for (const char* part : {"query", "key", "value"}) {
    const auto w = value(layer + "1.attention.self." + part + ".weight");
    for (int i = 0; i < 12; ++i) {
      double sum = 0;
      for (const int j : stream) sum += std::abs(w(i, j));
      joint[i] *= sum;
    }
  }
  std::vector<int> heads = among(joint, 0, 6, 2);
  for (const int i : among(joint, 6, 12, 2)) heads.push_back(i);
  const auto expect = [&](const std::string& tensor, const std::vector<int>& out, const std::vector<int>& in) {
    INFO(tensor);
    const auto from = value(layer + "1." + tensor);
    const auto got = model.read(*model.find("side.layer.1." + tensor));
    std::vector<double> wanted;
    for (const int i : out)
      for (const int j : in) wanted.push_back(from(i, j));
    CHECK(got == wanted);
  };
  expect("attention.self.query.weight", heads, stream);
  expect("attention.self.value.bias", {0}, heads);
  expect("attention.output.dense.weight", stream, heads);
  expect("output.LayerNorm.weight", {0}, stream);
  CHECK(model.read(*model.find("side.layer.1.gate")) == std::vector<double>{0});

  ladder_net(method).pruned = false;
  Model<Bert<double>, Lst> fresh(backbone, {3}, method);
  CHECK(fresh.read(*fresh.find("side.layer.0.output.LayerNorm.weight")) == std::vector<double>(4, 1));
}
