// SPDX-License-Identifier: Apache-2.0
// A method of one's own, LoRA with one direction per matrix: y += (x u') v. A method needs no more than what is here.
#include <peft/peft.hpp>
#include <peft/testing/gradcheck.hpp>

using namespace peft;

struct RankOne {
  static constexpr Route route = Route::branch;                     // y += f(x)
  static constexpr Kind fits = Kind::linear;
  static constexpr Keep keeps = Keep::input;                        // backward reads x
  template <class V>
  struct Params {
    V u, v;
  };                     // (1, in)  (1, out)
  template <class V>
  struct Kept {
    V h;
  };                          // (n, 1)

  void declare(auto& fields, auto& p, const Module& m) const {
    fields.vector("u", p.u, m.in, normal(0.02));
    fields.vector("v", p.v, m.out, zeros());
  }
  void forward(auto& c, const auto& p, auto x, auto y, auto& kept) const {
    kept.h = c.keep(rows(x), 1);
    ops::gemm(c.w, kept.h, x, t(p.u));                              // h   = x u'     (n, 1)
    ops::gemm(c.w, y, kept.h, p.v, 1, 1);                           // y  += h v      (n, out)
  }
  void backward(auto& c, const auto& p, auto x, auto dy, const auto& kept, auto& g, auto dx) const {
    const auto scope = c.w.scope();                                 // temporaries end with it
    ops::gemm(c.w, g.v, t(kept.h), dy, 1, 1);                       // dv += h' dy    (1, out)
    auto dh = c.temp(rows(x), 1);
    ops::gemm(c.w, dh, dy, t(p.v));                                 // dh  = dy v'    (n, 1)
    ops::gemm(c.w, g.u, t(dh), x, 1, 1);                            // du += dh' x    (1, in)
    ops::gemm(c.w, dx, dh, p.u, 1, 1);  // dx += dh u     (n, in); nothing where dx is empty
  }
};

int main(int argc, char** argv) {
  const Session kokkos;
  require(testing::gradcheck<RankOne>().worst < 1e-6, "RankOne: backward is not the derivative of forward");
  require(argc == 3, "usage: my_delta CHECKPOINT SST-2");
  Model<Bert<>, Method<Delta<RankOne, At<Query, Value>>>> model(Bert<>::open(argv[1]), {}, {.labels = 2});
  Loader data(Tokenized(read_glue(glue_task("sst2"), argv[2], "train"), Tokenizer::open(argv[1]), {}), {.batch = 32});
  fit(model, data, {.epochs = 1, .lr = 1e-2, .on_step = progress_bar()});
}
