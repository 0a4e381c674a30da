// SPDX-License-Identifier: Apache-2.0
// libFuzzer's view of the targets: --target=NAME chooses. Built and run by run.py.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "targets.hpp"

namespace {
const fuzz::Target* chosen = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  constexpr std::string_view option = "--target=";
  for (int i = 1; i < *argc; ++i)
    if (const std::string_view word = (*argv)[i]; word.starts_with(option))
      chosen = fuzz::find_target(word.substr(option.size()));
  if (chosen != nullptr) return 0;
  std::fputs("--target=NAME, one of:", stderr);
  for (const auto& target : fuzz::all_targets()) std::fprintf(stderr, " %s", std::string(target.name).c_str());
  std::fputs("\n", stderr);
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::run(*chosen, {reinterpret_cast<const char*>(data), size});
  return 0;
}
