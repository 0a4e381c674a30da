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
#include <peft/ops/hard_concrete.hpp>
#include <peft/ops/importance.hpp>
#include <peft/ops/loss.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/norm.hpp>
#include <peft/ops/optimizer.hpp>
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

/// The ops whose types are those of a space and a scalar. Under PEFT_SEPARATE the host's are compiled once, for both scalars
/// (core/inline.hpp); what is not listed here is compiled wherever it is used.
#define PEFT_OPS_OF(once, T)                                                                             \
  once(activate, T, Gelu) once(activate, T, GeluTanh) once(activate, T, Relu)                            \
  once(activate, T, Sigmoid) once(activate, T, Silu) once(activate, T, Tanh)                             \
  once(attention, T, NoBias) once(attention_backward, T, NoBias)                                         \
  once(blend, T) once(blend_backward, T)                                                                 \
  once(from_blocks, T) once(to_blocks, T)                                                                \
  once(attention, T, BucketBias<T, Host>) once(attention_backward, T, BucketBias<T, Host>)               \
  once(attention, T, Disentangled<T, Host>) once(attention_backward, T, Disentangled<T, Host>)           \
  once(copy_columns, T) once(put_columns, T)                                                             \
  once(embed, T) once(embed_backward, T)                                                                 \
  once(gated_sum, T) once(gated_sum_backward, T) once(expected_open, T) once(expected_open_backward, T)  \
  once(sensitivity, T) once(triplet_scores, T) once(clear_up_to, T)                                      \
  once(cross_entropy, T) once(word_cross_entropy, T) once(squared_error, T) once(sum, T)                 \
  once(fill, T) once(axpby, T) once(multiply, T) once(broadcast_row, T) once(add_row, T)                 \
  once(scale_columns, T) once(scale_rows, T) once(dropout, T)                                            \
  once(add_norm, T) once(norm_backward, T)                                                               \
  once(adamw, T) once(sgd, T) once(soft_threshold, T)                                                    \
  once(spread_after_prefix, T) once(collect_after_prefix, T) once(put_prefix, T) once(take_prefix, T)    \
  once(ragged_product, T) once(ragged_product_backward, T)                                               \
  once(lstm, T) once(lstm_backward, T) once(gru, T) once(gru_backward, T)                                \
  once(add_column_sums, T) once(add_column_dots, T) once(squared_norm, T)                                \
  once(rescale, T) once(add_scaled_columns, T) once(scale_columns_backward, T)                           \
  once(row_norms, T) once(divide, T) once(magnitude_backward, T)                                         \
  once(row_rms, T) once(rms_norm, T) once(rms_norm_backward, T)                                          \
  once(rotate, T)                                                                                        \
  once(gather_rows, T) once(add_to_rows, T) once(segment_mean, T) once(segment_mean_backward, T)         \
  once(add_slots, T) once(add_slots_backward, T)                                                         \
  once(released_threshold, T) once(add_sign, T) once(absolute_sum, T)

#ifdef PEFT_SEPARATE
namespace peft::ops {
#define PEFT_ONCE(f, ...) extern template decltype(f<Host, __VA_ARGS__>) f<Host, __VA_ARGS__>;
PEFT_OPS_OF(PEFT_ONCE, float)
PEFT_OPS_OF(PEFT_ONCE, double)
#undef PEFT_ONCE
}  // namespace peft::ops
#endif
