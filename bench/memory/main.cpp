// SPDX-License-Identifier: Apache-2.0
// bench_memory: memory of a step of one method on T5, planned and measured, as a line of JSON. One method per process,
// so that the peak is that method's own; bench/memory/table.py runs them all.
//
//     bench_memory METHOD [--size small|base|large|3b] [--mode plan|train|infer] [--batch N] [--source N] [--target N] [--groups
//         whole|depth-first] [--repeats N] [--layers N] [--width N] [--cell rnn|lstm|gru]
//
// METHOD: none full lora adapter bitfit prompt lst read. --width: LoRA's rank (8), the adapters' (64), the prompt's
// rows (20), LST's reduction (8), READ's state (128). `plan` takes no memory for the weights; `train` and `infer` draw
// them at random.
#include <charconv>
#include <cstring>
#include <string_view>

#include "measure.hpp"

using namespace peft;
using bench::Options;

namespace {

Options read(int argc, char** argv) {
  require(argc >= 2, "a method is wanted: none full lora adapter bitfit prompt lst read");
  Options o;
  o.method = argv[1];
  for (int i = 2; i < argc; i += 2) {
    const std::string_view name = argv[i];
    require(i + 1 < argc, name, ": a value is missing");
    const std::string value = argv[i + 1];
    const auto number = [&](int& to) {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), to);
      require(error == std::errc() && end == value.data() + value.size() && to > 0, name, ": ", value,
              " is no positive number");
    };
    if (name == "--size")
      o.size = value;
    else if (name == "--mode")
      o.mode = value;
    else if (name == "--cell")
      o.cell = value;
    else if (name == "--batch")
      number(o.batch);
    else if (name == "--source")
      number(o.source);
    else if (name == "--target")
      number(o.target);
    else if (name == "--repeats")
      number(o.repeats);
    else if (name == "--layers")
      number(o.layers);
    else if (name == "--width")
      number(o.width);
    else if (name == "--groups" && (value == "whole" || value == "depth-first"))
      o.depth_first = value == "depth-first";
    else
      fail(name, " ", value, ": no such option");
  }
  require(o.mode == "plan" || o.mode == "train" || o.mode == "infer", "--mode ", o.mode, ": plan, train or infer");
  if (o.width == 0) o.width = o.method == "adapter" ? 64 : o.method == "prompt" ? 20 : o.method == "read" ? 128 : 8;
  return o;
}

}  // namespace

int main(int argc, char** argv) try {
  const Options o = read(argc, argv);
  const Kokkos::ScopeGuard kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  if (!bench::run_full(o) && !bench::run_inside(o) && !bench::run_beside(o))
    fail("method ", o.method, ": none full lora adapter bitfit prompt lst read");
} catch (const std::exception& e) {
  std::cerr << e.what() << std::endl;
  return 1;
}
