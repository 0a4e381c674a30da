// SPDX-License-Identifier: Apache-2.0
// What every program on Kokkos pays.
#include <Kokkos_Core.hpp>

int main(int argc, char** argv) { Kokkos::ScopeGuard kokkos(argc, argv); }
