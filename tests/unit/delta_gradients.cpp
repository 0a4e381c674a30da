// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/added_bias.hpp>
#include <peft/delta/bias.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/lora.hpp>
#include <peft/testing/gradcheck.hpp>

#include "catch.hpp"
#include "space.hpp"

using namespace peft;

namespace {

template <class D>
testing::Gradcheck gradcheck(const D& delta = {}, testing::CheckOptions options = {}) {
  options.every = every_of_space;
  return testing::gradcheck<D, Space>(delta, options);
}
template <class Gate>
testing::Gradcheck gradcheck_gate(testing::CheckOptions options = {}) {
  options.every = every_of_space;
  return testing::gradcheck_gate<Gate, Space>({}, options);
}

/// LoRA whose backward is wrong in a way of one's choice.
template <int mistake>
struct WrongLora : LoRA<3> {
  void backward(auto& c, const auto& p, auto x, auto dy, const auto& kept, auto& g, auto dx) const {
    if (mistake == 0) {  // the sign
      auto negative = c.temp(rows(dy), cols(dy));
      ops::axpby<Space, double>(c.w, -1, dy, 0, negative);
      return LoRA<3>::backward(c, p, x, constant(negative), kept, g, dx);
    }
    LoRA<3>::backward(c, p, x, dy, kept, g, mistake == 1 ? decltype(dx)() : dx);  // dx is forgotten
    if (mistake == 2) ops::fill(c.w, g.A, 0.);                                    // not added to, and lost
    if (mistake == 3 && !empty(dx)) ops::fill(c.w, dx, 0.);  // the gradient that was there is lost
  }
};
/// Reads its input in backward without having asked for it.
struct Forgetful : LoRA<3> {
  static constexpr Keep keeps = Keep::nothing;
};

}  // namespace

TEST_CASE("LoRA's backward is its forward's derivative", "[gradcheck]") {
  CHECK(gradcheck<LoRA<1>>().worst < 1e-6);
  LoRA<4> lora;
  lora.alpha = 3;
  CHECK(gradcheck(lora).worst < 1e-6);
  lora.dropout = 0.4;
  const auto dropped = gradcheck(lora);
  INFO(dropped);
  CHECK(dropped.worst < 1e-6);
  CHECK(dropped.largest > 0.5 * part_of_space);

  LoRA<Dynamic> dynamic;
  dynamic.rank = 5;
  dynamic.ranks["module.1"] = 2;
  dynamic.alphas["module.0"] = 7;
  CHECK(gradcheck(dynamic, {.site = Site::ff_down, .modules = 3}).worst < 1e-6);
}

TEST_CASE("gates are differentiated through a bottleneck", "[gradcheck]") {
  CHECK(gradcheck_gate<Open>().worst < 1e-6);
  CHECK(gradcheck_gate<Proximal>().worst < 1e-6);
  CHECK(gradcheck_gate<ProximalGate<ConstantXi>>({.shapes = {{30, 4, 4}}}).worst < 1e-6);
}

TEST_CASE("weights trained in place", "[gradcheck]") {
  for (const Site site : {Site::query, Site::ff_norm}) {
    CHECK(gradcheck(Bias{}, {.site = site}).worst < 1e-6);
    CHECK(gradcheck(Full{}, {.site = site}).worst < 1e-6);
  }
  CHECK(gradcheck(Full{}, {.site = Site::word_table}).worst < 1e-6);
}

TEST_CASE("biases that the backbone has not", "[gradcheck]") {
  for (const Site site : {Site::query, Site::ff_norm}) {
    const auto result = gradcheck(AddedBias{}, {.site = site});
    INFO(result);
    CHECK(result.worst < 1e-6);
    CHECK(result.largest > 0.5 * part_of_space);
  }
}

TEST_CASE("a gradient check finds each of these mistakes", "[gradcheck]") {
  CHECK(gradcheck<WrongLora<0>>().worst > 0.1 * part_of_space);
  CHECK(gradcheck<WrongLora<1>>().worst > 0.1 * part_of_space);
  CHECK(gradcheck<WrongLora<2>>().worst > 0.1 * part_of_space);
  CHECK(gradcheck<WrongLora<3>>().worst > 0.1 * part_of_space);
  CHECK(gradcheck<Forgetful>().worst > 0.1 * part_of_space);
  CHECK(gradcheck<LoRA<3>>({}, {.shapes = {}}).worst > 1e30);
}
