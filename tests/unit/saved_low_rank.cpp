// SPDX-License-Identifier: Apache-2.0
// LoRA and its kin behind every kind of gate.
#include <peft/delta/adalora.hpp>
#include <peft/delta/dora.hpp>
#include <peft/delta/sora.hpp>
#include <peft/delta/vera.hpp>
#include <peft/gate/sigmoid.hpp>
#include <peft/testing/gradcheck.hpp>

#include "saved.hpp"

using namespace peft;
using saved::In;

namespace {

template <class G>
using Behind = Method<Delta<LoRA<3>, At<Query, FfnDown>>, Gate<G>>;

/// Says of itself what is not so.
struct Liar : saved::Largest {
  static constexpr bool scales = true;
};

using OnTiny = Bert<float, Space>;

}  // namespace

TEST_CASE("saved: LoRA, of every scale and rank") {
  Method<Delta<LoRA<3>>> plain;
  std::get<0>(plain.deltas).delta.alpha = 7;
  std::get<0>(plain.deltas).delta.dropout = 0.1;
  saved::check(plain, In::peft);

  Method<Delta<LoRA<Dynamic>, At<Linear | Pooler>>> varied;
  auto& part = std::get<0>(varied.deltas);
  part.delta.scaling = LoraScale::root;
  part.delta.ranks = {{"bert.encoder.layer.0.attention.self.query", 5}, {"bert.encoder.layer.1.output.dense", 0}};
  part.delta.alphas = {{"bert.encoder.layer.1.attention.self.key", 2.5}};
  part.layers = {0, 1};
  saved::check(varied, In::peft);
  part.layers = {};
  saved::check(varied, In::peft);
}

TEST_CASE("saved: DoRA and VeRA") {
  saved::check(Method<Delta<DoRA<3>>>{}, In::peft);
  Method<Delta<VeRA>> vera;
  std::get<0>(vera.deltas).delta.rank = 7;
  saved::check(vera, In::peft);
}

TEST_CASE("saved: AdaLoRA, with what its triplets are judged by") {
  Method<Delta<AdaLoRA<>>> method;
  std::get<0>(method.deltas).delta.rank = 4;
  std::get<0>(method.deltas).delta.target = 2;
  saved::check(method, In::both);
}

TEST_CASE("saved: a LoRA whose gate scales its ranks, with the gate") {
  SoRA<3> sora;
  std::get<0>(sora.deltas).delta.gate.strength = 30;  // some gates close on the way
  saved::check(sora, In::both);
  saved::check(Behind<SigmoidGate>{}, In::both);
}

TEST_CASE("saved: a LoRA whose gate cannot be folded") {
  CHECK(testing::gradcheck_gate<saved::Largest>().worst < 1e-6);
  CHECK(testing::gradcheck_gate<saved::Squash>().worst < 1e-6);
  saved::check(Behind<saved::Largest>{}, In::own);
  saved::check(Behind<saved::Squash>{}, In::own);
}

TEST_CASE("saved: a gate that only says that it scales is found out") {
  CHECK(lacks(error_of([] { testing::gradcheck_gate<Liar>(); }), {"says that it scales its ranks", "scales = false"}) ==
        "");
  const Temporary folder;
  Model<OnTiny, Behind<Liar>> model(tiny::bert<float, Space>(), {}, Classify{3});
  CHECK(lacks(error_of([&] { save(model, folder.path()); }), {"says that it scales its ranks", "scales = false"}) ==
        "");
}

TEST_CASE("saved: what would give the tensors another meaning is refused") {
  const auto bert = tiny::bert<float, Space>();
  const auto refused = [&]<class Method>(Method method, auto&& change) {
    const Temporary folder;
    save(Model<OnTiny, Method>(bert, method, Classify{3}), folder.path());
    change(std::get<0>(method.deltas).delta);
    Model<OnTiny, Method> other(bert, method, Classify{3});
    return error_of([&] { load(other, folder.path()); });
  };
  CHECK(lacks(refused(Method<Delta<LoRA<3>>>{}, [](auto& d) { d.alpha = 8; }),
              {"with a scale of 5.33333", "the model has 2.66667"}) == "");
  CHECK(lacks(refused(Behind<SigmoidGate>{}, [](auto& d) { d.alpha = 8; }),
              {"alpha = 16 (delta 0 of the method)", "the model has 8"}) == "");
  CHECK(lacks(refused(Behind<SigmoidGate>{}, [](auto& d) { d.scaling = LoraScale::root; }),
              {"scaling = rank", "root"}) == "");
  CHECK(lacks(refused(Behind<SigmoidGate>{}, [](auto& d) { d.alphas["a.b"] = 3; }),
              {"alpha of a.b = the standard one", "3"}) == "");
  CHECK(lacks(refused(Behind<saved::Largest>{}, [](auto& d) { d.gate.kept = 1; }), {"kept = 2", "the model has 1"}) ==
        "");
  CHECK(refused(Behind<SigmoidGate>{}, [](auto& d) { d.gate.initial = 3; }) ==
        "");  // where it begins is of no meaning once it is trained
}
