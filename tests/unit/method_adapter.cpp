// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/houlsby.hpp>
#include <peft/delta/pfeiffer.hpp>
#include <peft/delta/seq_bn.hpp>
#include <peft/model/gpt2.hpp>
#include <peft/task/language_model.hpp>

#include "unit/io_temporary.hpp"
#include "whole.hpp"

using namespace peft;

TEST_CASE("adapters: gradients, alone", "[gradcheck]") {
  whole::check_alone<Adapter<3>>();
  whole::check_alone<PfeifferAdapter<4>>();
  whole::check_alone<SeqBnAdapter<4>>();
  whole::check_alone<ParallelAdapter<3>>();
  whole::check_alone<Adapter<3, ops::GeluTanh, NearIdentity, Proximal>>();
  ParallelAdapter<Dynamic> parallel;
  parallel.width = 6;
  parallel.scale = 0.5;
  whole::check_alone(parallel);
}

TEST_CASE("Houlsby's adapters with trained LayerNorms: gradients, a step", "[gradcheck]") {
  whole::check(Houlsby<3>{});
}

namespace {

/// Smooth, as a difference across relu's kink is no derivative.
struct SmoothSeqBn : Adapter<3, ops::Tanh, BertNormal, Open, Route::branch> {
  static constexpr Kind fits = Kind::norm;
  static constexpr bool between_norms = true;
  using Places = At<FfnNorm>;
};

}  // namespace

TEST_CASE("adapters between two norms, the norms trained and followed by an adapter: gradients, a step",
          "[gradcheck]") {
  whole::check(Method<Delta<SmoothSeqBn>>{});
  whole::check<ClassifyMean>(Method<Delta<SmoothSeqBn, At<AttnNorm, FfnNorm>>, Delta<Full, At<AttnNorm, FfnNorm>>,
                                    Delta<Adapter<2>, At<Layer>>>{});
  Gpt2Config config;
  config.vocab_size = 20;
  config.n_embd = config.n_inner = config.n_positions = 8;
  config.n_layer = 1;
  config.n_head = 2;
  const auto gpt2 = Gpt2<double>::random(config, 1);
  using Refused = Model<Gpt2<double>, SeqBn<2>, LanguageModel>;
  CHECK(lacks(error_of([&] { Refused(gpt2, {}, LanguageModel{}); }), {"norms come before their parts", "At<Layer>"}) ==
        "");
}

TEST_CASE("adapters on every hidden site, sequential and parallel: gradients, a step", "[gradcheck]") {
  // Smooth ones: a difference across relu's kink is no derivative.
  using Parallel = Adapter<2, ops::Tanh, LikeLoRA, Open, Route::branch>;
  Method<Delta<Adapter<Dynamic, ops::GeluTanh, BertNormal>, At<Ffn, Layer, Layers<1, 2>>>,
         Delta<Parallel, At<Attention, Ffn, FfnUp>>>
      method;
  std::get<0>(method.deltas).delta.width = 3;
  whole::check<ClassifyMean>(method, {.deviation = 0.2});
}

TEST_CASE("SoRA's gate on the bottleneck of adapters: gradients, a step, pruned widths") {
  Method<Delta<Adapter<3>>, Gate<Proximal>> method;
  whole::check(method);
  Model<Bert<double>, decltype(method)> model(tiny::bert(), method, {3});
  const Field* gate = model.find("bert.encoder.layer.1.attention.lora_g");
  REQUIRE(gate != nullptr);
  CHECK(model.trainable() == 2 * 2 * (2 * 3 * 12 + 3 + 12 + 3) + 3 * 13);
  const double lr = 1e-3, xi = lr * Proximal{}.strength;
  model.write(*gate, {xi / 5, -0.5, -xi / 10});
  Engine<decltype(model)> engine(model, 1);
  engine.after_step({lr, 1, 10});
  CHECK(model.read(*gate) == std::vector<double>{0, -(0.5 - xi), 0});
}

TEST_CASE("adapters: trainable parameters in closed form, and how they begin") {
  constexpr int d = 12, labels = 3, head = labels * (d + 1), w = 5;
  const auto trained = [&](auto method, auto&& set) {
    set(method);
    Model<Bert<double>, decltype(method)> model(tiny::bert({d, 2, 3, 20}), method, {labels});
    return model.trainable() - head;
  };
  const auto nothing = [](auto&) {};
  const int place = 2 * w * d + w + d;
  CHECK(trained(Houlsby<w>{}, nothing) == 3 * (2 * place + 4 * d));
  CHECK(trained(Pfeiffer<w>{}, nothing) == 3 * place);
  CHECK(trained(SeqBn<w>{}, nothing) == 3 * place);
  CHECK(trained(Method<Delta<ParallelAdapter<w>>>{}, nothing) == 3 * place);
  // AdapterDrop: the lower layers go without; a width relative to the backbone's.
  CHECK(trained(Pfeiffer<w>{}, [](auto& m) { std::get<0>(m.deltas).layers = {2, 3}; }) == place);
  CHECK(trained(Pfeiffer<w>{}, [](auto& m) { std::get<0>(m.deltas).delta.reduction = 6; }) == 3 * (2 * 2 * d + 2 + d));

  CHECK(trained(ReleasedHoulsby<w>{}, nothing) == 3 * (2 * place + 4 * d) + 2 * d);

  const auto largest = [&](auto method) {
    Model<Bert<double>, decltype(method)> model(tiny::bert({d, 2, 3, 20}), method, {labels});
    double most = 0;
    for (const auto& p : std::get<0>(model.values().all).modules)
      for (const Mat<double>& m : std::vector<Mat<double>>{p.down, p.up})
        for (std::size_t i = 0; i < m.size(); ++i) most = std::max(most, std::abs(m.data()[i]));
    return most;
  };
  const double paper = largest(Houlsby<w>{}), released = largest(ReleasedHoulsby<w>{});  // cut at two deviations
  CHECK((paper > 0.019 && paper <= 0.02));
  CHECK((released > 0.0019 && released <= 0.002));
  Model<Bert<double>, Method<Delta<ParallelAdapter<w>>>> parallel(tiny::bert({d, 2, 3, 20}), {}, {labels});
  for (const auto& p : std::get<0>(parallel.values().all).modules)
    for (std::size_t i = 0; i < p.up.size(); ++i) CHECK(p.up.data()[i] == 0);
}
