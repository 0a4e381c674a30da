// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/activation.hpp>
#include <peft/ops/attention.hpp>
#include <peft/ops/embed.hpp>
#include <peft/ops/loss.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/norm.hpp>
#include <peft/ops/optimizer.hpp>
#include <peft/ops/prefix.hpp>
#include <peft/ops/reduce.hpp>
#include <peft/ops/rms_norm.hpp>
#include <peft/ops/select.hpp>

/// Ops that nearly every model runs. Under PEFT_SEPARATE those of the host are compiled once, in both scalars (core/inline.hpp).
#define PEFT_OPS_OF(once, T)                                                                                                           \
  once(fill, T) once(axpby, T) once(multiply, T) once(broadcast_row, T) once(dropout, T) once(add_norm, T) once(norm_backward, T)      \
  once(rms_norm, T) once(rms_norm_backward, T) once(embed, T) once(embed_backward, T) once(gather_rows, T) once(add_to_rows, T)        \
  once(segment_mean, T) once(segment_mean_backward, T) once(cross_entropy, T) once(word_cross_entropy, T) once(squared_error, T)       \
  once(sum, T) once(squared_norm, T) once(add_column_sums, T) once(adamw, T) once(spread_after_prefix, T) once(collect_after_prefix, T) \
  once(activate, T, Gelu) once(activate, T, GeluTanh) once(activate, T, Relu) once(activate, T, Silu) once(activate, T, Tanh)          \
  once(activate, T, Sigmoid) once(attention, T, NoBias) once(attention_backward, T, NoBias)

#ifdef PEFT_SEPARATE
namespace peft::ops {
#define PEFT_ONCE(f, ...) extern template decltype(f<Host, __VA_ARGS__>) f<Host, __VA_ARGS__>;
PEFT_OPS_OF(PEFT_ONCE, float)
PEFT_OPS_OF(PEFT_ONCE, double)
#undef PEFT_ONCE
}  // namespace peft::ops
#endif
