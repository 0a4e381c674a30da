// SPDX-License-Identifier: Apache-2.0
// The kernels one by one, on one core, at the shapes of a training step: a group of about 256 tokens.
#include <peft/delta/lora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/lane.hpp>
#include <peft/ops/attention.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/optimizer.hpp>

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

using namespace peft;

namespace {

using V = Mat<float>;
using C = Mat<const float>;

constexpr Extent group = 256;

/// A matrix of its own memory, filled with standard normal numbers.
struct Filled {
  std::vector<float> data;
  V view;
  Filled(Extent rows, Extent cols, std::uint64_t seed = 1)
      : data(static_cast<std::size_t>(rows) * cols), view(data.data(), rows, cols) {
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(rng::normal(rng::mix(seed), i));
  }
  operator V() const { return view; }
  operator C() const { return view; }
};

/// Sequences as a group packs them: `length` tokens each, or lengths as SST-2's sentences (mean 13, 3 to 40).
struct Rows {
  std::vector<int> offsets{0}, example, position;
  Extent longest = 0;
  explicit Rows(int length) {
    for (int s = 0; offsets.back() < group; ++s) {
      const int n = length > 0 ? length : 3 + static_cast<int>(rng::uniform(7, s) * rng::uniform(8, s) * 40);
      for (int t = 0; t < n; ++t) {
        example.push_back(s);
        position.push_back(t);
      }
      offsets.push_back(offsets.back() + n);
      longest = std::max(longest, n);
    }
  }
  Extent tokens() const { return offsets.back(); }
  Dropout drop() const {
    return {99, static_cast<std::uint32_t>(0.1 * 4294967296.0), 1 / 0.9, example.data(), position.data()};
  }
  ops::Segments segments(Extent heads, Extent width) const {
    ops::Segments s{static_cast<Extent>(offsets.size()) - 1, heads, 1 / std::sqrt(static_cast<double>(width))};
    s.q_offsets = s.k_offsets = offsets.data();
    s.longest_keys = longest;
    return s;
  }
};

struct OneWorker : Worker<Host> {
  OneWorker() { space.reserve(std::size_t{64} << 20); }
};

void rate(benchmark::State& state, const char* name, double per_iteration) {
  state.counters[name] =
      benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

enum Product { forward, backward, weight };  // y = x W', dx = dy W, dW = dy' x

void gemm(benchmark::State& state, Product product) {
  const Extent n = static_cast<Extent>(state.range(0)), out = static_cast<Extent>(state.range(1)),
               in = static_cast<Extent>(state.range(2));
  OneWorker w;
  // Enough weights that they come from memory, as those of many layers do.
  std::vector<Filled> weights;
  for (std::int64_t bytes = 0; bytes < (48 << 20); bytes += 4ll * out * in)
    weights.emplace_back(out, in, weights.size());
  Filled x(n, in), y(n, out);
  std::size_t turn = 0;
  for (auto _ : state) {
    const V W = weights[turn++ % weights.size()];
    if (product == forward) ops::gemm(w, y.view, x.view, t(W));
    if (product == backward) ops::gemm(w, x.view, y.view, W);
    if (product == weight) ops::gemm(w, W, t(y.view), x.view, 1, 1);
    benchmark::ClobberMemory();
  }
  rate(state, "FLOP/s", 2. * n * out * in);
}

/// Tokens, out, in: the projections and both halves of the feed-forward part of MiniLM and BERT-base, and LoRA's two.
void step_shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"tokens", "out", "in"});
  b->Args({group, 384, 384})->Args({group, 1536, 384})->Args({group, 384, 1536});
  b->Args({group, 768, 768})->Args({group, 3072, 768})->Args({group, 768, 3072});
  b->Args({group, 8, 384})->Args({group, 384, 8});
}
BENCHMARK_CAPTURE(gemm, forward, forward)->Apply(step_shapes);
BENCHMARK_CAPTURE(gemm, backward, backward)->Apply(step_shapes);
BENCHMARK_CAPTURE(gemm, weight, weight)->Apply(step_shapes);

void attention(benchmark::State& state, bool back) {
  const Rows r(static_cast<int>(state.range(0)));
  const Extent heads = static_cast<Extent>(state.range(1)), width = static_cast<Extent>(state.range(2)),
               d = heads * width;
  const Dropout drop = state.range(3) ? r.drop() : Dropout{};
  OneWorker w;
  Filled q(r.tokens(), d, 1), k(r.tokens(), d, 2), v(r.tokens(), d, 3), dout(r.tokens(), d, 4), out(r.tokens(), d),
      dq(r.tokens(), d), dk(r.tokens(), d), dv(r.tokens(), d), lse(r.tokens(), heads);
  const auto run = [&] { ops::attention<Host, float>(w, r.segments(heads, width), q, k, v, out, lse, drop); };
  run();
  for (auto _ : state) {
    if (back)
      ops::attention_backward<Host, float>(w, r.segments(heads, width), q, k, v, lse, dout, dq, dk, dv, drop);
    else
      run();
    benchmark::ClobberMemory();
  }
  rate(state, "tokens/s", r.tokens());
}
/// Length (0: as SST-2's), heads, width of a head, dropout.
void attention_shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"length", "heads", "width", "dropout"});
  for (const int length : {0, 128})
    for (const int dropout : {0, 1}) b->Args({length, 12, 32, dropout})->Args({length, 12, 64, dropout});
}
BENCHMARK_CAPTURE(attention, forward, false)->Apply(attention_shapes);
BENCHMARK_CAPTURE(attention, backward, true)->Apply(attention_shapes);

/// Loops over rows of d numbers: each is given a fresh group's worth.
template <class F>
void over_rows(benchmark::State& state, F&& f) {
  const Rows r(0);
  const Extent n = r.tokens(), d = static_cast<Extent>(state.range(0));
  OneWorker w;
  Filled x(n, d, 1), y(n, d, 2), z(n, d, 3), h(n, d, 4), rstd(n, 1, 5), gamma(1, d, 6), beta(1, d, 7);
  for (auto _ : state) {
    f(w, r, x, y, z, h, rstd, gamma, beta);
    benchmark::ClobberMemory();
  }
  rate(state, "elements/s", static_cast<double>(n) * d);
}

void add_norm(benchmark::State& state) {
  over_rows(state, [&](auto& w, const Rows& r, C x, C y, V z, V h, V rstd, C gamma, C beta) {
    ops::add_norm(w, x, y, gamma, beta, 1e-12, state.range(1) ? r.drop() : Dropout{}, h, rstd, z);
  });
}
BENCHMARK(add_norm)->ArgNames({"width", "dropout"})->Args({384, 0})->Args({384, 1})->Args({768, 1});

void norm_backward(benchmark::State& state) {
  over_rows(state, [](auto& w, const Rows&, C x, C h, V z, V, V rstd, C gamma, C) {
    ops::norm_backward(w, x, h, C(rstd), gamma, z);
  });
}
BENCHMARK(norm_backward)->ArgName("width")->Arg(384)->Arg(768);

void gelu(benchmark::State& state) {
  over_rows(state, [](auto& w, const Rows&, C x, C, V z, V slope, V, C, C) {
    ops::copy(w, z, x);
    ops::activate(w, z, slope, ops::Gelu{});
  });
}
BENCHMARK(gelu)->ArgName("width")->Arg(1536)->Arg(3072);

void dropout(benchmark::State& state) {
  over_rows(state, [](auto& w, const Rows& r, C x, C, V z, V, V, C, C) { ops::dropout(w, z, x, r.drop()); });
}
BENCHMARK(dropout)->ArgName("width")->Arg(384)->Arg(768);

/// One LoRA branch of rank 8, with and without its own dropout.
void lora(benchmark::State& state, bool back) {
  const Rows r(0);
  const Extent n = r.tokens(), d = static_cast<Extent>(state.range(0));
  LoRA<8> delta{.dropout = state.range(1) ? 0.1 : 0};
  OneWorker w;
  Context<float, Host> c{w};
  c.training = true;
  c.row_ids = {r.example.data(), r.position.data()};
  Filled x(n, d, 1), y(n, d, 2), dx(n, d, 3), A(8, d, 4), B(d, 8, 5), gA(8, d, 6), gB(d, 8, 7);
  LoRA<8>::Params<V> p{{}, A, B, 2}, g{{}, gA, gB, 2};
  LoRA<8>::Kept<V> kept;
  delta.forward(c, p, C(x), V(y), kept);
  const std::size_t mark = w.space.mark();
  for (auto _ : state) {
    LoRA<8>::Kept<V> again;
    if (back)
      delta.backward(c, p, C(x), C(y), kept, g, V(dx));
    else
      delta.forward(c, p, C(x), V(y), again);
    w.space.release(mark);
    benchmark::ClobberMemory();
  }
  rate(state, "tokens/s", n);
}
BENCHMARK_CAPTURE(lora, forward, false)->ArgNames({"width", "dropout"})->Args({384, 0})->Args({384, 1})->Args({768, 0});
BENCHMARK_CAPTURE(lora, backward, true)->ArgNames({"width", "dropout"})->Args({384, 0})->Args({384, 1})->Args({768, 0});

void adamw(benchmark::State& state) {
  const Extent n = static_cast<Extent>(state.range(0));
  OneWorker w;
  Filled theta(1, n, 1), g(1, n, 2), m(1, n, 3), v(1, n, 4);
  for (float& x : v.data) x *= x;
  const ops::AdamWStep step{1e-6, 0.9, 0.999, 1e-8, 0.01, 0.5, 0.5, 1};
  for (auto _ : state) {
    ops::adamw<Host, float>(w, theta, g, m, v, step);
    benchmark::ClobberMemory();
  }
  rate(state, "parameters/s", n);
}
BENCHMARK(adamw)->ArgName("parameters")->Arg(74'000)->Arg(22'700'000);

}  // namespace

int main(int argc, char** argv) {
  const Kokkos::ScopeGuard kokkos(Kokkos::InitializationSettings().set_disable_warnings(true).set_num_threads(1));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::AddCustomContext("products", ops::gemm_backend);
  benchmark::RunSpecifiedBenchmarks();
}
