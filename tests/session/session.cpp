// SPDX-License-Identifier: Apache-2.0
// One way through Kokkos' life per run, named by the first argument; test_session.py says how each must end.
#include <omp.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>

#include <peft/core/session.hpp>
#include <peft/method.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/llama.hpp>
#include <peft/model/model.hpp>
#include <peft/train/engine.hpp>

using namespace peft;

namespace {

using Head = Model<Bert<>, Method<>>;

// As people keep models: destroyed after main, and so after Kokkos.
std::shared_ptr<const Llama<>> llama;  // owns its rotary frequencies
std::shared_ptr<const Bert<>> half;    // 16-bit weights: owns every tensor
std::unique_ptr<Head> model;

const std::string data = PEFT_TEST_DATA;

void open() {
  llama = Llama<>::open(data + "/tiny-llama");
  half = Bert<>::open(data + "/tiny-bert-fp16");
  model = std::make_unique<Head>(half, Method<>{}, Classify{.labels = 3});
}

const std::map<std::string, void (*)()> ways = {
    {"outlive",
     [] {
       const Session kokkos;
       open();
     }},
    {"outlive a guard of one's own",
     [] {
       const Kokkos::ScopeGuard kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
       const Session joined;
       open();
     }},
    {"open before",
     [] {
       open();
       const Session kokkos;
       const Engine engine(*model, 1);
     }},
    {"engine before",
     [] {
       open();
       const Engine engine(*model, 1);
     }},
    {"engine after",
     [] {
       { const Session kokkos; }
       open();
       const Engine engine(*model, 1);
     }},
    {"twice",
     [] {
       { const Session kokkos; }
       const Session again;
     }},
    {"threads",
     [] {
       const int others = omp_get_max_threads();
       const Session kokkos;
       require(Kokkos::OpenMP().concurrency() == 1 && omp_get_max_threads() == others,
               "a session changed what OpenMP's other users get");
       require(Kokkos::num_threads() == 1, "Kokkos has ", Kokkos::num_threads(), " threads");
     }},
    {"many threads", [] { const Session kokkos(513); }},
};

}  // namespace

int main(int argc, char** argv) {
  try {
    ways.at(argc > 1 ? argv[1] : "")();
    std::puts("done");
    return 0;
  } catch (const Error& e) {
    std::printf("error: %s\n", e.what());
    return 1;
  }
}
