// SPDX-License-Identifier: Apache-2.0
// The main function of every test program: starts Kokkos, runs the tests.
#if PEFT_CATCH2 >= 3
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

#include <peft/core/session.hpp>

int main(int argc, char** argv) {
  const peft::Session kokkos;
  return Catch::Session().run(argc, argv);
}
