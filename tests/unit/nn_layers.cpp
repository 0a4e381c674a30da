// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/full.hpp>
#include <peft/delta/lora.hpp>
#include <peft/nn/block.hpp>
#include <peft/pass.hpp>
#include <peft/testing/gradcheck_op.hpp>

#include "unit/engine_tiny.hpp"

using namespace peft;
using Tens = testing::Tensor<double>;

namespace {

using Tuned = Method<Delta<LoRA<2>, At<Linear>>, Delta<Full, At<Norm>>>;
using M = Model<Bert<double>, Tuned>;
using P = Pass<Bert<double>, Tuned>;
using AtLayer = P::Call;

/// A way through one layer, outside of any engine.
struct Way {
  M model;
  Tens gradient;
  M::Tensors gradients;
  Worker<Host> w = testing::roomy_worker();
  Worker<Host> batch_worker = testing::roomy_worker();
  Batch data;
  std::vector<int> staging;
  Packed batch;
  P pass;

  Way(const tiny::Size& size, double dropout, const std::vector<int>& lengths)
      : model(tiny::bert(size, dropout), method(), {3}),
        gradient(1, static_cast<Extent>(model.layout().gradient_size())),
        gradients(model.attached().bind(model.layout(), gradient.view.data(), model.layout().gradient_size())),
        data(tiny::batch(lengths)),
        pass(w, model.backbone(), model.attached(), model.values(), &gradients) {
    for (const Field& f : model.layout().fields())
      if (f.role == Role::trained) {
        auto values = model.read(f);
        for (std::size_t i = 0; i < values.size(); ++i) values[i] += 0.2 * rng::normal(rng::combine(1, f.name), i);
        model.write(f, values);
      }
    const Sequences s{data.offsets, data.ids, data.types, data.examples, 0, data.sequences()};
    batch = pack(batch_worker, s, 0, 0, staging);
    pass.begin(true, 5);
  }
  AtLayer call() { return pass.at(0, batch); }
  static Tuned method() {
    Tuned tuned;
    std::get<0>(tuned.deltas).delta.alpha = 2;
    return tuned;
  }
  Tens of(const Field& f) const {
    Tens g(f.rows, f.cols);
    const auto all = gradient.host();
    g.set(std::vector<double>(all.begin() + f.offset, all.begin() + f.offset + f.size()));
    return g;
  }
};

}  // namespace

TEST_CASE("an encoder layer: the gradient of its input", "[gradcheck]") {
  for (const bool only_first : {false, true})
    for (const double dropout : {0., 0.2})
      for (const auto& [size, lengths] : {std::pair{tiny::sizes[0], std::vector<int>{4, 1, 7}},
                                          {tiny::sizes[1], {1}},
                                          {tiny::Size{6, 1, 1, 5}, {51, 2}}}) {
        Way way(size, dropout, lengths);
        const auto& shape = way.model.backbone().shape();
        const Extent n = way.batch.tokens, m = only_first ? way.batch.sequences : n;
        Tens x = Tens::random(n, size.width, 1, 0.5), in(n, size.width), y(m, size.width),
             r = Tens::random(m, size.width, 2, 2), dx(n, size.width);
        nn::Block<AtLayer> block;
        const auto loss = [&] {
          way.w.space.clear();
          in.set(x);
          block.forward(way.call(), shape, in.view, y.view, only_first, true);
          return testing::dot(y, r);
        };
        const auto backward = [&] {
          Tens dy(m, size.width);
          dy.set(r);
          block.backward(way.call(), shape, dy.view, dx.view);
        };
        const auto result = testing::gradcheck_op(loss, backward, {{"x", x, dx}});
        INFO(result);
        CHECK(result.worst < 1e-6);
        CHECK(result.largest > 0.1);
        // The parameters get the same gradients when nobody asks for the input's.
        const auto with = way.gradient.host();
        way.gradient.set(0.);
        loss();
        Tens dy(m, size.width);
        dy.set(r);
        block.backward(way.call(), shape, dy.view, Mat<double>());
        CHECK(way.gradient.host() == with);
      }
}

TEST_CASE("the LayerNorm layer: input and parameters", "[gradcheck]") {
  for (const tiny::Size& size : tiny::sizes) {
    Way way(size, 0, {4, 2});
    const Extent n = way.batch.tokens, d = size.width;
    Tens x = Tens::random(n, d, 1), q = Tens::random(n, d, 2), y(n, d), r = Tens::random(n, d, 3), dz(n, d);
    const Dropout mask = way.call().dropout(0.3, 9);
    nn::NormKept<Mat<double>> kept;
    const auto loss = [&] {
      way.w.space.clear();
      kept = nn::norm<Site::ff_norm>(way.call(), x.read(), q.read(), mask, 1e-12, y.view, true);
      return testing::dot(y, r);
    };
    const auto backward = [&] {
      dz.set(r);
      nn::norm_backward<Site::ff_norm>(way.call(), kept, dz.view);
    };
    CHECK(testing::gradcheck_op(loss, backward, {{"residual", q, dz}}).worst < 1e-6);
    testing::Gradcheck result;
    for (const char* name : {"weight", "bias"}) {
      const Field& f = *way.model.find(cat("bert.encoder.layer.0.output.LayerNorm.", name));
      testing::compare<Host>(result, name, way.model.buffer().data() + f.offset, way.of(f).host(), 1e-5, loss);
    }
    CHECK(result.worst < 1e-6);
    CHECK(result.largest > 0.1);
  }
}

TEST_CASE("a linear layer adds to the gradient that is there, or replaces it", "[gradcheck]") {
  Way way(tiny::sizes[0], 0, {5, 3});
  Tens x = Tens::random(8, 12, 1), y(8, 20), dy = Tens::random(8, 20, 2), added(8, 12, 1.), replaced(8, 12, 1.);
  Mat<const double> own;
  nn::linear<Site::ff_up>(way.call(), x.read(), y.view, own);
  CHECK(own.data() == x.view.data());
  nn::linear_backward<Site::ff_up>(way.call(), own, dy.view, added.view, true);
  nn::linear_backward<Site::ff_up>(way.call(), own, dy.view, replaced.view, false);
  const auto a = added.host(), b = replaced.host();
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i] - 1));
  CHECK(worst < 1e-12);
}
