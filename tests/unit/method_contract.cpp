// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/adapter.hpp>
#include <peft/delta/lora.hpp>

#include "unit/io_temporary.hpp"
#include "whole.hpp"

using namespace peft;

namespace {

using Shrinking = ProximalGate<ReferenceXi, Normal01, MeanPenalty>;

/// The penalty of a model whose gates are all 0.5, and what it adds to their gradients.
template <class Method>
void check_penalty() {
  Model<Bert<double>, Method> model(tiny::bert(), Method{}, {3});
  int gates = 0;
  for (const Field& f : model.layout().fields())
    if (f.name.ends_with("lora_g")) {
      model.write(f, std::vector<double>(static_cast<std::size_t>(f.size()), 0.5));
      gates += static_cast<int>(f.size());
    }
  REQUIRE(gates > 0);
  Engine<decltype(model)> engine(model, 1);
  CHECK(engine.penalty() == Approx(MeanPenalty{}.lambda * 0.5));
  engine.prepare();
  engine.zero_gradients();
  engine.finish_gradients();
  CHECK(engine.gradient_norm() == Approx(MeanPenalty{}.lambda / std::sqrt(gates)));
  engine.after_step({1e-3, 1, 10});
  for (const Field& f : model.layout().fields())
    if (f.name.ends_with("lora_g")) CHECK(model.read(f)[0] == Approx(0.5 - ReferenceXi::standard));
}

struct Says {
  std::vector<std::string>& names;
  void operator()(const std::string& name, const auto&) const { names.push_back(name); }
};
/// A gate that says something.
struct Counting : Open {
  void settings(auto&& says) const { says("counted", 1); }
};

/// A derived tensor, which nothing fills.
struct Unmade : LoRA<2> {
  template <class V>
  struct Params : LoRA<2>::Params<V> {
    V made;
  };
  void declare(auto& fields, auto& p, const Module& m) const {
    LoRA<2>::declare(fields, p, m);
    fields.derived("made", p.made, 1, m.out);
  }
};
/// The same filled, its gradient lost.
struct Lost : Unmade {
  void prepare(auto&, auto&) const {}
};

}  // namespace

TEST_CASE("a gate's penalty and its step reach it on every bottleneck") {
  check_penalty<Method<Delta<LoRA<3>>, Gate<Shrinking>>>();
  check_penalty<Method<Delta<Adapter<3>>, Gate<Shrinking>>>();
}

TEST_CASE("a gate's settings are said, whoever carries it") {
  std::vector<std::string> names;
  hooks::settings(Adapter<3, ops::Gelu, NearIdentity, Counting>{}, Says{names});
  CHECK(names == std::vector<std::string>{"scale", "counted"});
}

TEST_CASE("a derived tensor that nothing fills, or whose gradient goes nowhere, is refused") {
  const auto refused = [](auto method) {
    return error_of([&] { Model<Bert<double>, decltype(method)>(tiny::bert(), method, {3}); });
  };
  CHECK(lacks(refused(Method<Delta<Lost>>{}), {"attention.self.query.made", "`finish(c, all, grads)`"}) == "");
  CHECK(lacks(refused(Method<Delta<Unmade>>{}), {"attention.self.query.made", "`prepare(c, all)`"}) == "");
}
