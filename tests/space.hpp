// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/tensor.hpp>

/// Where golden tests and gradient checks run: on the GPU in a build for one.
#ifdef KOKKOS_ENABLE_CUDA
using Space = Kokkos::Cuda;
#else
using Space = peft::Host;
#endif

/// Which of a tensor's numbers a gradient check changes: a loss costs some hundred launches on a device.
inline constexpr int every_of_space = peft::on_host<Space> ? 1 : 31;
/// How large the largest gradient among them is at least, as a part of the largest of all.
inline constexpr double part_of_space = peft::on_host<Space> ? 1 : 0.01;
