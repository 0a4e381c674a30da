// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include <peft/core/error.hpp>
#include <peft/io/config/fields.hpp>
#include <peft/io/rope.hpp>

namespace peft::config_reader {

// Yarn's factor of attention: given, or from the factor as its paper has it, with the weights some files add.
inline double yarn_attention(const JsonFields& scaling, double factor) {
  constexpr double tiny = std::numeric_limits<double>::min();
  if (scaling.find("attention_factor") != nullptr) return scaling.number("attention_factor", tiny, 1e3);
  const auto scale = [&](double weight) { return factor <= 1 ? 1 : 0.1 * weight * std::log(factor) + 1; };
  const double above = scaling.number("mscale", 0, 1e3, 0), below = scaling.number("mscale_all_dim", 0, 1e3, 0);
  return above > 0 && below > 0 ? scale(above) / scale(below) : scale(1);
}

inline Rope::Kind rope_kind(const JsonFields& scaling) {
  const char* key = scaling.find("rope_type") != nullptr ? "rope_type" : "type";  // the older name
  const std::string name = scaling.text(key, "default");
  if (name == "default") return Rope::Kind::None;
  if (name == "linear") return Rope::Kind::Linear;
  if (name == "dynamic") return Rope::Kind::Dynamic;
  if (name == "llama3") return Rope::Kind::Llama3;
  if (name == "yarn") return Rope::Kind::Yarn;
  scaling.refuse(key, "default, linear, dynamic, llama3 or yarn (others are not supported)");
}

/// rope_theta and rope_scaling, or, in newer files, rope_parameters, which holds both. `positions`:
/// max_position_embeddings.
inline Rope read_rope(const JsonFields& fields, int positions) {
  Rope rope;
  const auto whole_turn = [](const JsonFields& from) {
    if (from.number("partial_rotary_factor", 0, 1, 1) != 1)
      from.refuse("partial_rotary_factor", "1 (turning part of a head is not supported)");
  };
  whole_turn(fields);
  rope.theta = fields.number("rope_theta", 1 + 1e-6, 1e15, rope.theta);
  const auto *newer = fields.find("rope_parameters"), *older = fields.find("rope_scaling");
  if (newer != nullptr && older != nullptr && *newer != *older)
    fields.refuse("rope_parameters", "the same as rope_scaling, or one of them alone");
  const auto* object = newer != nullptr ? newer : older;
  if (object == nullptr) return rope;
  std::string where = cat(fields.where(), newer != nullptr ? ": rope_parameters" : ": rope_scaling");
  if (const auto full = object->is_object() ? object->find("full_attention") : object->end();
      object->is_object() && full != object->end()) {
    // One for each kind of layer, which here must be alike.
    for (const auto& [kind, other] : object->items())
      if (other.is_object() && other != *full)
        JsonFields(*object, where)
            .refuse(kind, "the same as full_attention's (layers that turn differently are not supported)");
    object = &*full;
    where += ": full_attention";
  }
  const JsonFields scaling(*object, where);
  whole_turn(scaling);
  rope.theta = scaling.number("rope_theta", 1 + 1e-6, 1e15, rope.theta);
  rope.kind = rope_kind(scaling);
  if (rope.kind == Rope::Kind::None) return rope;
  rope.factor = scaling.number("factor", 1, 1e6);
  // Beside the object, as Phi-3 has it, it counts more.
  const auto original = [&](std::optional<int> missing) {
    const JsonFields& from = fields.find("original_max_position_embeddings") != nullptr ? fields : scaling;
    return missing ? whole(from, "original_max_position_embeddings", 1, 1 << 30, *missing)
                   : whole(from, "original_max_position_embeddings", 1, 1 << 30);
  };
  if (rope.kind == Rope::Kind::Llama3) {
    rope.low_freq_factor = scaling.number("low_freq_factor", 0, 1e6);
    rope.high_freq_factor = scaling.number("high_freq_factor", 0, 1e6);
    if (rope.high_freq_factor <= rope.low_freq_factor)
      scaling.refuse("high_freq_factor", cat("more than low_freq_factor, ", rope.low_freq_factor));
    rope.original_max_position_embeddings = original({});
  }
  if (rope.kind == Rope::Kind::Yarn) {
    rope.original_max_position_embeddings = original(positions);
    rope.beta_fast = scaling.number("beta_fast", 1e-6, 1e6, rope.beta_fast);
    rope.beta_slow = scaling.number("beta_slow", 1e-6, 1e6, rope.beta_slow);
    if (rope.beta_fast < rope.beta_slow) scaling.refuse("beta_fast", cat("at least beta_slow, ", rope.beta_slow));
    rope.truncate = scaling.boolean("truncate", true);
    rope.attention_factor = yarn_attention(scaling, rope.factor);
  }
  return rope;
}

}  // namespace peft::config_reader
