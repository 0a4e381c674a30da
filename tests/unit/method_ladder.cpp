// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/full.hpp>
#include <peft/side/fisher.hpp>
#include <peft/side/ladder.hpp>
#include <peft/train/fisher.hpp>

#include "unit/io_temporary.hpp"
#include "whole.hpp"

using namespace peft;

namespace {

using LadderNet = Ladder<2>;
using Lst = Method<SideNet<LadderNet>>;
using LadderInPlace = Method<Delta<Full, At<Linear>>>;
static_assert(DeltaFor<LadderNet, Site::side> && !DeltaFor<LadderNet, Site::layer>);
static_assert(!Lane<Model<Bert<double>, Lst>>::crosses);

auto& ladder_net(auto& method) { return std::get<0>(method.deltas).delta; }

/// The `count` largest of [begin, end), by exhaustion: how many are larger.
std::vector<int> largest_among(const std::vector<double>& s, int begin, int end, int count) {
  std::vector<int> kept;
  for (int i = begin; i < end; ++i) {
    int larger = 0;
    for (int j = begin; j < end; ++j) larger += s[j] > s[i];
    if (larger < count) kept.push_back(i);
  }
  return kept;
}

Batch ladder_example(int i) {
  const Batch all = tiny::batch({5, 3, 8, 2}, 3);
  Batch b;
  const auto from = all.offsets[i], to = all.offsets[i + 1];
  for (int k = from; k < to; ++k) {
    b.ids.push_back(all.ids[k]);
    b.types.push_back(all.types[k]);
    b.slots.push_back(all.slots[k]);
  }
  b.offsets.push_back(to - from);
  b.targets.push_back(all.targets[i]);
  b.examples.push_back(all.examples[i]);
  return b;
}

}  // namespace

/// The backbone's backward is not even compiled: whoever names it here does not compile.
template <>
void peft::nn::Block<Pass<Bert<double>, Lst>::Call>::backward(const Pass<Bert<double>, Lst>::Call&, const nn::Shape&,
                                                              Mat<double>, Mat<double>) = delete;

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
      Model<Bert<double>, Lst> model(tiny::bert({int(d), 2, 4, int(inner)}), method, {3});
      const std::int64_t w = d / r, f = inner / r, blocks = at.empty() ? 4 : std::int64_t(at.size());
      CHECK(model.trainable() ==
            3 * d + 3 + d * w + w + blocks * (d * w + w + 1 + 4 * (w * w + w) + 2 * w * f + f + w + 4 * w) + w * d + d);
    }
}

TEST_CASE("LST's blocks begin as the strongest part of the backbone's") {
  const auto backbone = tiny::bert({12, 2, 2, 20});
  Lst method;
  ladder_net(method).reduction = 3;  // two rows of each head's six, four of the stream's twelve coordinates
  Model<Bert<double>, Lst> model(backbone, method, {3});
  const auto value = [&](const std::string& name) -> Mat<const double> { return backbone->store().at(name); };
  const std::string layer = "bert.encoder.layer.";
  std::vector<double> score(12);
  for (const std::string l : {"0", "1"}) {
    for (const char* reads :
         {".attention.self.query", ".attention.self.key", ".attention.self.value", ".intermediate.dense"}) {
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
  const std::vector<int> stream = largest_among(score, 0, 12, 4);
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
  std::vector<int> heads = largest_among(joint, 0, 6, 2);
  for (const int i : largest_among(joint, 6, 12, 2)) heads.push_back(i);
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
  Model<Bert<double>, Lst> fresh(backbone, method, {3});
  CHECK(fresh.read(*fresh.find("side.layer.0.output.LayerNorm.weight")) == std::vector<double>(4, 1));
}

TEST_CASE("Fisher information is the mean of squared derivatives, example by example") {
  Model<Bert<double>, LadderInPlace> model(tiny::bert({12, 2, 2, 20}, 0.3), {}, {3});  // dropout is left out
  const FisherInformation information = fisher_information(model, 4, ladder_example);
  Engine engine(model, 1);
  double largest = 0;
  for (const char* name : {"bert.encoder.layer.1.attention.self.query.weight", "bert.encoder.layer.0.output.dense.bias",
                           "classifier.weight"}) {
    const Field& f = *model.find(name);
    const auto before = model.read(f);
    REQUIRE(information.at(name).size() == before.size());
    for (std::size_t k = 0; k < before.size(); k += 5) {
      double expected = 0;
      for (int i = 0; i < 4; ++i) {
        const auto loss = [&](double step) {
          auto values = before;
          values[k] += step;
          model.write(f, values);
          return engine.accumulate(ladder_example(i), 1, 0, false);
        };
        const double slope = (loss(1e-5) - loss(-1e-5)) / 2e-5;
        expected += slope * slope / 4;
      }
      largest = std::max(largest, expected);
      CHECK(std::abs(information.at(name)[k] - expected) < 1e-5 * expected + 1e-12);
    }
    model.write(f, before);
  }
  CHECK(largest > 1e-2);
  CHECK(lacks(error_of([&] { fisher_information(model, 1, [](std::int64_t) { return tiny::batch({5, 3}, 3); }); }),
              {"batch 0 has 2 examples"}) == "");
}

TEST_CASE("LST's blocks begin as what Fisher information says") {
  const auto backbone = tiny::bert({12, 2, 2, 20});
  using Scored = Method<SideNet<Ladder<3, Fisher>>>;
  Scored method;
  const auto attach = [&] { return Model<Bert<double>, Scored>(backbone, method, {3}); };
  CHECK(lacks(error_of([&] { attach(); }), {"no information to prune by"}) == "");
  // Another order than the weights' own, so that a ladder by magnitude would not pass.
  Model<Bert<double>, LadderInPlace> trained(backbone, {}, {3});
  FisherInformation information = fisher_information(trained, 4, ladder_example);
  ladder_net(method).score.information = std::make_shared<FisherInformation>(information);
  const auto model = attach();
  const std::string layer = "bert.encoder.layer.";
  const auto score = [&](const std::string& name) -> const std::vector<float>& {
    return information.at(layer + name + ".weight");
  };
  std::vector<double> sums(12);
  for (const std::string l : {"0", "1"}) {
    for (const char* reads :
         {".attention.self.query", ".attention.self.key", ".attention.self.value", ".intermediate.dense"}) {
      const auto& f = score(l + reads);
      for (std::size_t k = 0; k < f.size(); ++k) sums[k % 12] += f[k];
    }
    for (const char* writes : {".attention.output.dense", ".output.dense"}) {
      const auto& f = score(l + writes);
      for (std::size_t k = 0; k < f.size(); ++k) sums[k / (f.size() / 12)] += f[k];
    }
  }
  const std::vector<int> stream = largest_among(sums, 0, 12, 4);
  std::vector<double> joint(12), up(20);
  for (int i = 0; i < 20; ++i)
    for (const int j : stream) {
      const auto at = static_cast<std::size_t>(12 * i + j);
      up[i] += score("1.intermediate.dense")[at];
      if (i < 12)
        joint[i] += double(score("1.attention.self.query")[at]) * score("1.attention.self.key")[at] *
                    score("1.attention.self.value")[at];
    }
  std::vector<int> heads = largest_among(joint, 0, 6, 2);
  for (const int i : largest_among(joint, 6, 12, 2)) heads.push_back(i);
  const std::vector<int> inner = largest_among(up, 0, 20, 6);
  const auto expect = [&](const std::string& tensor, const std::vector<int>& out, const std::vector<int>& in) {
    INFO(tensor);
    const Mat<const double> from = backbone->store().at(layer + "1." + tensor);
    std::vector<double> wanted;
    for (const int i : out)
      for (const int j : in) wanted.push_back(from(i, j));
    CHECK(model.read(*model.find("side.layer.1." + tensor)) == wanted);
  };
  expect("attention.self.key.weight", heads, stream);
  expect("attention.output.dense.weight", stream, heads);
  expect("intermediate.dense.weight", inner, stream);
  expect("output.dense.weight", stream, inner);
  Method<SideNet<Ladder<3>>> by_size;
  const Model<Bert<double>, Method<SideNet<Ladder<3>>>> other(backbone, by_size, {3});
  const char* kept = "side.layer.1.intermediate.dense.weight";
  CHECK(model.read(*model.find(kept)) != other.read(*other.find(kept)));

  information.erase(layer + "0.output.dense.weight");
  ladder_net(method).score.information = std::make_shared<FisherInformation>(information);
  CHECK(lacks(error_of([&] { attach(); }), {"no information on the weight bert.encoder.layer.0.output.dense.weight"}) ==
        "");
}
