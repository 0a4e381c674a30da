// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/activation.hpp>
#include <peft/ops/attention.hpp>
#include <peft/ops/blend.hpp>
#include <peft/ops/blocks.hpp>
#include <peft/ops/bucket_bias.hpp>
#include <peft/ops/columns.hpp>
#include <peft/ops/disentangled_bias.hpp>
#include <peft/ops/embed.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/hard_concrete.hpp>
#include <peft/ops/importance.hpp>
#include <peft/ops/linear.hpp>
#include <peft/ops/loss.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/norm.hpp>
#include <peft/ops/optimizer.hpp>
#include <peft/ops/orthogonal.hpp>
#include <peft/ops/prefix.hpp>
#include <peft/ops/ragged.hpp>
#include <peft/ops/recurrent.hpp>
#include <peft/ops/reduce.hpp>
#include <peft/ops/rescale.hpp>
#include <peft/ops/rms_norm.hpp>
#include <peft/ops/rotary.hpp>
#include <peft/ops/select.hpp>
#include <peft/ops/slots.hpp>
#include <peft/ops/sparsity.hpp>
#include <peft/ops/stored.hpp>

// clang-format off
/// The ops whose types are those of a space and a scalar. Under PEFT_SEPARATE they are compiled once for
/// every space of Kokkos and both scalars (core/inline.hpp); what is not listed here is compiled wherever it is used.
/// Whatever runs a KOKKOS_LAMBDA on a device must be listed: nvcc gives such a lambda one copier per unit, and a program of several
/// units, in which a function of one meets the copier of another, would jump to nowhere.
#define PEFT_OPS_OF(once, E, T)                                                                                             \
  once(activate, E, T, Gelu) once(activate, E, T, GeluTanh) once(activate, E, T, Relu)                                      \
  once(activate, E, T, Sigmoid) once(activate, E, T, Silu) once(activate, E, T, Tanh)                                       \
  once(attention, E, T, NoBias) once(attention_backward, E, T, NoBias)                                                      \
  once(attention_mean_device, E, T, NoBias) once(attention_mean_device, E, T, BucketBias<T, E>)                             \
  once(attention_mean_device, E, T, Disentangled<T, E>)                                                                     \
  once(blend, E, T) once(blend_backward, E, T)                                                                              \
  once(from_blocks, E, T) once(to_blocks, E, T)                                                                             \
  once(attention, E, T, BucketBias<T, E>) once(attention_backward, E, T, BucketBias<T, E>)                                  \
  once(attention, E, T, Disentangled<T, E>) once(attention_backward, E, T, Disentangled<T, E>)                              \
  once(copy_columns, E, T) once(put_columns, E, T)                                                                          \
  once(embed, E, T) once(embed_backward, E, T) once(gemm_device, E, T)                                                      \
  once(decode, E, T) once(linear, E, T) once(linear_backward, E, T)                                                         \
  once(gated_sum, E, T) once(gated_sum_backward, E, T) once(expected_open, E, T) once(expected_open, E, const T) once(expected_open_backward, E, T)         \
  once(sensitivity, E, T) once(triplet_scores, E, T) once(clear_up_to, E, T)                                                \
  once(cross_entropy, E, T) once(word_cross_entropy, E, T) once(squared_error, E, T) once(sum, E, T) once(sum, E, const T)                        \
  once(fill, E, T) once(axpby, E, T) once(multiply, E, T) once(broadcast_row, E, T) once(add_row, E, T)                     \
  once(scale_columns, E, T) once(scale_rows, E, T) once(dropout, E, T)                                                      \
  once(add_norm, E, T) once(norm_backward, E, T)                                                                            \
  once(adamw, E, T) once(sgd, E, T) once(soft_threshold, E, T) once(subtract_identity, E, T) once(to_unit_norm, E, T)       \
  once(spread_after_prefix, E, T) once(collect_after_prefix, E, T) once(put_prefix, E, T) once(take_prefix, E, T)           \
  once(ragged_product, E, T) once(ragged_product_backward, E, T)                                                            \
  once(lstm, E, T) once(lstm_backward, E, T) once(gru, E, T) once(gru_backward, E, T)                                       \
  once(add_column_sums, E, T) once(add_column_dots, E, T) once(squared_norm, E, T) once(squared_norm, E, const T) once(count_not_finite, E, T) once(count_not_finite, E, const T)           \
  once(rescale, E, T) once(add_scaled_columns, E, T) once(scale_columns_backward, E, T)                                     \
  once(row_norms, E, T) once(divide, E, T) once(magnitude_backward, E, T)                                                   \
  once(row_rms, E, T) once(rms_norm, E, T) once(rms_norm_backward, E, T)                                                    \
  once(rotate, E, T)                                                                                                        \
  once(gather_rows, E, T) once(scatter_rows, E, T) once(add_to_rows, E, T) once(segment_mean, E, T) once(segment_mean_backward, E, T)\
  once(add_slots, E, T) once(add_slots_backward, E, T)                                                                      \
  once(released_threshold, E, T) once(add_sign, E, T) once(absolute_sum, E, T) once(absolute_sum, E, const T)
// clang-format on

/// What those call on the host, with nothing but T in its type. A unit's own copy, optimised otherwise, would give other
/// last digits, and which of the copies a program gets is the linker's choice.
#define PEFT_HOST_OPS(once, T) once(exponentiate, T) once(largest_of, T) once(sum_of, T) once(transpose_head, T)

#ifdef KOKKOS_ENABLE_CUDA
#define PEFT_OPS(once, T) PEFT_OPS_OF(once, Host, T) PEFT_OPS_OF(once, Kokkos::Cuda, T)
#else
#define PEFT_OPS(once, T) PEFT_OPS_OF(once, Host, T)
#endif

#ifdef PEFT_SEPARATE
namespace peft::ops {
#define PEFT_ONCE(f, ...) extern template decltype(f<__VA_ARGS__>) f<__VA_ARGS__>;
PEFT_OPS(PEFT_ONCE, float)
PEFT_OPS(PEFT_ONCE, double)
PEFT_HOST_OPS(PEFT_ONCE, float)
PEFT_HOST_OPS(PEFT_ONCE, double)
#undef PEFT_ONCE
}  // namespace peft::ops
#endif
