// SPDX-License-Identifier: Apache-2.0
// Whole training steps of a random MiniLM (6 x 384) and BERT-base (12 x 768): head, BitFit, LoRA, SoRA and full
// fine-tuning, 32 sequences of 128 tokens or as long as SST-2's. Counters: tokens/s, examples/s; plan: the workspace of
// all workers; FLOP/s of the step's products over its whole time; limit: what products of these shapes alone reach in
// this run; share: the former over the latter.
#include <peft/delta/bias.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/sora.hpp>
#include <peft/model/bert.hpp>
#include <peft/optim/adamw.hpp>
#include <peft/train/engine.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <utility>
#include <vector>

using namespace peft;

namespace {

using Backbone = Bert<float>;

BertConfig config_of(bool base) {
  BertConfig c;
  c.hidden_size = base ? 768 : 384;
  c.num_attention_heads = 12;
  c.num_hidden_layers = base ? 12 : 6;
  c.intermediate_size = 4 * c.hidden_size;
  return c;
}

/// One backbone at a time, made once: drawing a hundred million numbers takes longer than the steps.
std::shared_ptr<const Backbone> made;

std::shared_ptr<const Backbone> backbone(bool base) {
  const BertConfig wanted = config_of(base);
  if (!made || made->width() != wanted.hidden_size) {
    made.reset();
    made = Backbone::random(wanted, 1);
  }
  return made;
}

/// 32 sequences of 128 tokens, or of 3 to 40 as SST-2's (mean 13).
Batch batch_of(bool full) {
  Batch b;
  for (int s = 0; s < 32; ++s) {
    const int n = full ? 128 : 3 + static_cast<int>(rng::uniform(7, s) * rng::uniform(8, s) * 40);
    Encoded e;
    for (int t = 0; t < n; ++t) {
      e.ids.push_back(static_cast<int>(rng::combine(rng::mix(3), 1000 * s + t) % 30522));
      e.types.push_back(0);
    }
    e.target = s % 2;
    b.add(e, s);
  }
  return b;
}

/// Floating-point operations of the products in one training step. `input`: gradients cross the layers; `weight`: every
/// weight has a gradient. The last layer runs on one row per sequence after its keys and values.
double products(const nn::Shape& shape, const Batch& b, bool input, bool weight) {
  const double d = shape.width, inner = shape.inner, n = b.tokens(), first = b.sequences();
  double pairs = 0;
  for (int s = 0; s < b.sequences(); ++s) pairs += std::pow(b.offsets[s + 1] - b.offsets[s], 2);
  const auto layer = [&](double rows, double scores) {
    return std::pair{2 * (2 * n * d * d + 2 * rows * d * d + 2 * rows * d * inner), 4 * scores * d};
  };
  const auto [dense, attention] = layer(n, pairs);
  const auto [last_dense, last_attention] = layer(first, n);
  const double all = (shape.layers - 1) * dense + last_dense, scores = (shape.layers - 1) * attention + last_attention;
  return all * (1 + input + weight) + scores * (input ? 3.5 : 1);  // attention's backward: five products for two
}

/// What all workers together reach in products of the shapes of a layer: operations per second.
double product_limit(int workers, const nn::Shape& shape, int tokens) {
  static std::map<std::pair<int, int>, double> known;
  double& speed = known[{shape.width, tokens}];
  if (speed > 0) return speed;
  const Extent d = shape.width, inner = shape.inner, n = tokens;
  const double once = 2. * n * d * (4. * d + 2. * inner);
  for (int round = 0; round < 5; ++round) {
    const int times = std::max(1, static_cast<int>(5e9 / once));
    const auto start = std::chrono::steady_clock::now();
#pragma omp parallel num_threads(workers)
    {
      std::vector<float> x(static_cast<std::size_t>(n) * inner, 0.5f), y(x.size()),
          w(static_cast<std::size_t>(d) * (4 * d + 2 * inner), 0.5f);
      const auto product = [&](Extent out, Extent in, const float* from) {
        ops::gemm_host<float>(n, out, in, 1, {x.data(), in}, {from, in, true}, 0, {y.data(), out});
      };
      for (int i = 0; i < times; ++i) {
        for (int k = 0; k < 4; ++k) product(d, d, w.data() + static_cast<std::size_t>(k) * d * d);
        product(inner, d, w.data() + static_cast<std::size_t>(4) * d * d);
        product(d, inner, w.data() + static_cast<std::size_t>(4) * d * d + static_cast<std::size_t>(d) * inner);
      }
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    speed = std::max(speed, once * times * workers / taken.count());
  }
  return speed;
}

/// Arguments: BERT-base or MiniLM, 128 tokens or SST-2's lengths.
template <class Method>
void step(benchmark::State& state, Method method, bool input, bool weight) {
  using M = Model<Backbone, Method>;
  const bool base = state.range(0), full = state.range(1);
  const Batch batch = batch_of(full);
  M model(backbone(base), method, Classify{2});
  Engine<M> engine(model);
  const std::size_t planned =
      engine.plan(batch.sequences(), batch.longest(), true) * static_cast<std::size_t>(engine.workers());
  AdamW::State<float, Host> adamw(model.layout());
  std::int64_t done = 0;
  const auto run = [&] {
    engine.zero_gradients();
    benchmark::DoNotOptimize(engine.accumulate(batch, 1. / batch.sequences(), static_cast<std::uint64_t>(++done)));
    engine.finish_gradients();
    adamw.update({}, engine.worker(), model.layout(), model.buffer().data(), engine.total().data(), 1e-5, 1);
    engine.after_step({1e-5, done, 1000});
    engine.prepare();
  };
  run();
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) run();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  const double flops = products(model.backbone().shape(), batch, input, weight);
  const double limit = product_limit(engine.workers(), model.backbone().shape(),
                                     std::min(batch.tokens() / engine.workers(), engine.grouping().tokens));
  using benchmark::Counter;
  state.counters["tokens/s"] = Counter(batch.tokens(), Counter::kIsIterationInvariantRate);
  state.counters["examples/s"] = Counter(batch.sequences(), Counter::kIsIterationInvariantRate);
  state.counters["FLOP/s"] = Counter(flops, Counter::kIsIterationInvariantRate);
  state.counters["limit"] = limit;
  state.counters["share"] = flops * static_cast<double>(state.iterations()) / taken.count() / limit;
  state.counters["plan"] = Counter(static_cast<double>(planned), Counter::kDefaults, Counter::kIs1024);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"base", "full"})->UseRealTime()->Unit(benchmark::kMillisecond);
  for (const int base : {0, 1})
    for (const int full : {0, 1}) b->Args({base, full});
}

using QueryValue = Delta<LoRA<8>>;
BENCHMARK_CAPTURE(step, head, Method<>{}, false, false)->Apply(sizes);
BENCHMARK_CAPTURE(step, bitfit, Method<Delta<Bias>>{}, true, false)->Apply(sizes);
BENCHMARK_CAPTURE(step, lora, Method<QueryValue>{}, true, false)->Apply(sizes);
BENCHMARK_CAPTURE(step, sora, SoRA<8>{}, true, false)->Apply(sizes);
BENCHMARK_CAPTURE(step, full, Method<Delta<Full>>{}, true, true)->Apply(sizes);

}  // namespace

int main(int argc, char** argv) {
  const Kokkos::ScopeGuard kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::AddCustomContext("products", ops::gemm_backend);
  benchmark::RunSpecifiedBenchmarks();
  made.reset();
}
