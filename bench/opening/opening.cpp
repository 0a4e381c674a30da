// SPDX-License-Identifier: Apache-2.0
// Seconds of the processor to open a BERT and its tokenizer and to tokenize SST-2, the best of some runs.   opening
// MODEL SST-2 RUNS against.py runs this beside the same of an older commit, so it keeps to what that has.
#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>

#include <peft/data/read_glue.hpp>
#include <peft/data/tokenized.hpp>
#include <peft/model/bert.hpp>
#include <peft/text/tokenizer.hpp>

int main(int argc, char** argv) {
  const Kokkos::ScopeGuard kokkos(Kokkos::InitializationSettings().set_disable_warnings(true).set_num_threads(1));
  if (argc != 4) return std::puts("usage: opening MODEL SST-2 RUNS"), 2;
  const auto data = peft::read_glue(peft::glue_task("sst2"), argv[2], "train");
  const auto tokenizer = peft::Tokenizer::open(argv[1]);
  std::size_t tokens = 0;
  const auto best = [&](const std::function<void()>& what) {
    double seconds = 1e9;
    for (int run = std::atoi(argv[3]); run > 0; --run) {
      const std::clock_t begin = std::clock();
      what();
      seconds = std::min(seconds, double(std::clock() - begin) / CLOCKS_PER_SEC);
    }
    return seconds;
  };
  const double model = best([&] {
    for (int i = 0; i < 100; ++i) peft::Bert<>::open(argv[1]);  // the clock counts in microseconds
  });
  const double words = best([&] { peft::Tokenizer::open(argv[1]); });
  const double texts = best([&] {
    tokens = 0;
    for (const auto& example : data.examples) tokens += tokenizer.encode(example).ids.size();
  });
  std::printf(
      "{\"open the model 100 times\": %.9g, \"open the tokenizer\": %.9g, \"tokenize SST-2\": %.9g, \"tokens\": %zu}\n",
      model, words, texts, tokens);
}
