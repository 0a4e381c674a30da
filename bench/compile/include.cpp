// SPDX-License-Identifier: Apache-2.0
// The library's headers, with nothing of them used.
#include <peft/peft.hpp>

int main(int argc, char** argv) { Kokkos::ScopeGuard kokkos(argc, argv); }
