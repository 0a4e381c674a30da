// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <peft/io/peft_adapter.hpp>

namespace peft {

struct VeRA;

/// VeRA in PEFT's files, the projections included: a reader needs no generator of PyTorch's. Files without them
/// (save_projection false) are read too: they are drawn again from the key.
template <>
struct PeftFormat<VeRA> {
  static constexpr const char* kind = "VERA";

  static void write(const auto& delta, const auto& modules, const TensorsByName& own, PeftAdapter& to) {
    auto& c = to.config;
    c["r"] = delta.rank;
    c["vera_dropout"] = delta.dropout;
    c["d_initial"] = delta.d;
    c["projection_prng_key"] = delta.seed;
    c["save_projection"] = true;
    for (const char* shared : {"vera_A", "vera_B"}) {
      const HostTensor& t = own.at(std::string("shared.") + shared);
      to.add(std::string("base_model.") + shared, t.shape, t.data);
    }
    for (const auto& m : modules) {
      c["target_modules"].push_back(m.path);
      for (const char* field : {".vera_lambda_b", ".vera_lambda_d"}) {
        const HostTensor& t = own.at(m.path + field);
        to.add("base_model.model." + m.path + field, t.shape, t.data);
      }
    }
  }

  static void configure(const PeftAdapter& from, auto& part) {
    const JsonFields fields = from.fields();
    check_common(fields);
    part.delta.rank = static_cast<int>(fields.integer("r", 1, 1 << 20, 256));
    part.delta.d = fields.number("d_initial", -1e6, 1e6, 0.1);
    part.delta.seed = static_cast<std::uint64_t>(fields.integer("projection_prng_key", 0, std::int64_t{1} << 62, 0));
    const auto paths = PeftTensors(from).placed("vera_lambda_b");
    part.only.emplace(paths.begin(), paths.end());
    require(!paths.empty(), from.source, ": there is no VeRA module in it");
  }

  static std::vector<HostTensor> read(const auto& delta, const auto& modules, PeftTensors& left) {
    std::vector<HostTensor> tensors;
    std::int64_t in = 0, out = 0;
    for (const auto& m : modules) {
      in = std::max<std::int64_t>(in, m.in);
      out = std::max<std::int64_t>(out, m.out);
      for (const auto& [field, n] : {std::pair{"vera_lambda_b", m.out}, std::pair{"vera_lambda_d", delta.rank}})
        tensors.push_back(left.take(left.at(m.path, field), m.path + "." + field, {n}));
    }
    if (!left.has("base_model.vera_A") && !left.has("base_model.vera_B")) {
      const std::int64_t key = left.adapter().fields().integer("projection_prng_key", 0, std::int64_t{1} << 62, 0);
      require(static_cast<std::int64_t>(delta.seed) == key, left.adapter().source,
              ": its projections are drawn from the key ", key, ", the model's from ", delta.seed,
              "; give the method that seed, or take its settings by configure_from");
      return tensors;
    }
    tensors.push_back(left.take("base_model.vera_A", "shared.vera_A", {delta.rank, in}));
    tensors.push_back(left.take("base_model.vera_B", "shared.vera_B", {out, delta.rank}));
    return tensors;
  }
};

}  // namespace peft
