// SPDX-License-Identifier: Apache-2.0
// State, penalty and after_step over all modules: AdaLoRA's importance scores and its budget of ranks.
#include "whole.hpp"

#include <algorithm>

using namespace peft;

namespace {

/// y += P (e * (Q x)); a penalty keeps the rows of Q orthogonal; at the end only the `budget` most important ranks of
/// the whole model stay.
struct Budget {
  static constexpr Route route = Route::branch;
  static constexpr Kind fits = Kind::linear;
  static constexpr Keep keeps = Keep::input;
  int rank = 3, budget = 5;
  double gamma = 0.05, beta = 0.85;
  template <class V>
  struct Params {
    V P, e, Q;    // (out, r) (1, r) (r, in)
    V score;      // (1, r), state
  };
  template <class V>
  struct Kept {
    V h, u;
  };
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.trained("P", p.P, m.out, rank, normal(0.02));
    fields.vector("e", p.e, rank);
    fields.trained("Q", p.Q, rank, m.in, normal(0.02));
    fields.state("score", p.score, 1, rank);
  }
  void forward(auto& c, const auto& p, auto x, auto y, auto& kept) const {
    kept.h = c.keep(rows(x), rank);
    kept.u = c.keep(rows(x), rank);
    ops::gemm(c.w, kept.h, x, t(p.Q));
    ops::scale_columns(c.w, kept.u, constant(kept.h), constant(p.e));
    ops::gemm(c.w, y, kept.u, t(p.P), 1, 1);
  }
  void backward(auto& c, const auto& p, auto x, auto dy, const auto& kept, auto& g, auto dx) const {
    const auto scope = c.w.scope();
    auto dh = c.temp(rows(x), rank);
    ops::gemm(c.w, g.P, t(dy), kept.u, 1, 1);
    ops::gemm(c.w, dh, dy, p.P);
    ops::add_column_dots(c.w, g.e, constant(dh), constant(kept.h));
    ops::scale_columns(c.w, dh, constant(dh), constant(p.e));
    ops::gemm(c.w, g.Q, t(dh), x, 1, 1);
    if (!empty(dx)) ops::gemm(c.w, dx, dh, p.Q, 1, 1);
  }
  double penalty(auto& c, auto& all) const {  // gamma sum |Q Q' - I|^2
    double sum = 0;
    for (auto& p : all.modules) sum += gamma * ops::squared_norm(c.w, constant(defect(c, p)));
    return sum;
  }
  void regularise(auto& c, auto& all, auto& grads) const {
    for (std::size_t i = 0; i < all.modules.size(); ++i)
      ops::gemm(c.w, grads.modules[i].Q, defect(c, all.modules[i]), all.modules[i].Q, 4 * gamma, 1);
  }
  void after_step(auto&, auto& all, auto& grads, const StepInfo& step) const {
    std::vector<double> scores;
    for (std::size_t i = 0; i < all.modules.size(); ++i)
      for (Extent k = 0; k < rank; ++k) {
        double& s = all.modules[i].score(0, k);
        s = beta * s + (1 - beta) * std::abs(all.modules[i].e(0, k) * grads.modules[i].e(0, k));
        scores.push_back(s);
      }
    if (step.step < step.total) return;
    std::sort(scores.rbegin(), scores.rend());
    for (auto& p : all.modules)
      for (Extent k = 0; k < rank; ++k)
        if (p.score(0, k) <= scores[static_cast<std::size_t>(budget)]) p.e(0, k) = 0;
  }

 private:
  auto defect(auto& c, auto& p) const {
    auto gram = c.temp(rank, rank);
    ops::gemm(c.w, gram, p.Q, t(p.Q));
    for (Extent k = 0; k < rank; ++k) gram(k, k) -= 1;
    return gram;
  }
};

}  // namespace

TEST_CASE("toys: a penalty, state, and a budget over all modules") {
  whole::check_alone<Budget>();
  const Method<Delta<Budget, At<Query, Value>>> method;
  whole::check(method);

  using M = Model<Bert<double>, Method<Delta<Budget, At<Query, Value>>>>;
  M model(tiny::bert(), method, {3});
  const auto left = [&] {
    int n = 0;
    for (const Field& f : model.layout().fields())
      if (f.name.ends_with(".e"))
        for (const double e : model.read(f)) n += e != 0;
    return n;
  };
  whole::one_step(model, tiny::batch({4, 5}));
  CHECK(left() == 12);
  Engine<M> engine(model, 1);
  engine.prepare();
  engine.accumulate(tiny::batch({4, 5}), 0.5, 1);
  engine.finish_gradients();
  engine.after_step({1e-4, 10, 10});
  CHECK(left() == 5);
}
