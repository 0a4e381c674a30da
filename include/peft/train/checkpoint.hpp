// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <peft/core/fields.hpp>
#include <peft/io/json.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_write.hpp>
#include <peft/ops/gemm.hpp>

namespace peft {

/// Where a run stands: everything beside the tensors that the next step depends on.
struct RunState {
  std::int64_t step = 0;           // optimizer steps done
  int epoch = 0;                   // epochs done
  std::int64_t cursor = 0;         // batches of the current epoch done
  nlohmann::json identity;         // options and sizes that must be the same on resuming
  nlohmann::json environment;      // what may change the last bits: a difference is worth a warning
  nlohmann::json progress;         // history, early stopping, sums of the current epoch
};

/// What may change the last bits of a result.
inline nlohmann::json bitwise_environment() {
  const char* instructions =
#if defined(__AVX512F__)
      "avx512";
#elif defined(__AVX2__)
      "avx2";
#else
      "baseline";
#endif
  return {{"products", ops::gemm_backend}, {"instructions", instructions}, {"compiler", __VERSION__}};
}

/// The keys in which two flat JSON objects differ, as "key: now X, then Y".
inline std::string differences(const nlohmann::json& now, const nlohmann::json& then) {
  std::string text;
  for (const auto& [key, value] : now.items())
    if (!then.contains(key) || then.at(key) != value)
      text += (text.empty() ? "" : "; ") + key + ": now " + value.dump() + ", then " +
              (then.contains(key) ? then.at(key).dump() : std::string("nothing"));
  return text;
}

/// The names and shapes of everything in a flat buffer.
inline nlohmann::json describe(const Layout& layout) {
  nlohmann::json list = nlohmann::json::array();
  for (const Field& f : layout.fields()) list.push_back({f.name, f.rows, f.cols, f.offset});
  return list;
}

/// Writes the run atomically: whoever reads sees the old checkpoint or the new one, whole. Buffers are host copies.
template <class T>
void write_checkpoint(const std::filesystem::path& path, const Layout& layout, const RunState& state,
                      const std::map<std::string, std::vector<T>>& buffers) {
  std::vector<NamedTensor> tensors;
  for (const auto& [name, values] : buffers)
    tensors.push_back({name, sizeof(T) == 8 ? DType::F64 : DType::F32, {static_cast<std::int64_t>(values.size())}, values.data()});
  const nlohmann::json run = {{"step", state.step},           {"epoch", state.epoch},
                              {"cursor", state.cursor},       {"identity", state.identity},
                              {"environment", state.environment}, {"progress", state.progress}};
  write_safetensors(path, tensors,
                    {{"format", "peft.hpp run"}, {"version", "1"}, {"run", run.dump()}, {"layout", describe(layout).dump()}});
}

/// Reads a run back; refuses one whose tensors are not those of `layout` or whose identity differs.
template <class T>
RunState read_checkpoint(const std::filesystem::path& path, const Layout& layout, const nlohmann::json& identity,
                         std::map<std::string, std::vector<T>>& buffers) {
  const SafeTensors file = SafeTensors::open(path);
  const auto text = [&](const char* key) {
    const auto found = file.metadata().find(key);
    require(found != file.metadata().end(), path.string(), ": no checkpoint of a run: the metadata has no \"", key, "\"");
    return found->second;
  };
  require(text("format") == "peft.hpp run", path.string(), ": no checkpoint of a run: its format is ", text("format"));
  require(text("version") == "1", path.string(), ": checkpoint version ", text("version"), "; this program reads version 1");
  require(parse_json(text("layout"), path.string() + ": layout") == describe(layout), path.string(),
          ": the checkpoint is of another model or method: its tensors have other names or shapes");
  const nlohmann::json run = parse_json(text("run"), path.string() + ": run");
  RunState state;
  try {
    state = {run.at("step").get<std::int64_t>(), run.at("epoch").get<int>(), run.at("cursor").get<std::int64_t>(),
             run.at("identity"), run.at("environment"), run.at("progress")};
  } catch (const nlohmann::json::exception& e) {
    fail(path.string(), ": the state of the run is damaged: ", e.what());
  }
  const std::string changed = differences(identity, state.identity);
  require(changed.empty(), path.string(), ": cannot resume a run with other options (", changed,
          "); give the same ones, or another --out");
  for (auto& [name, values] : buffers) {
    const TensorRef& ref = file.at(name);
    require(ref.dtype == (sizeof(T) == 8 ? DType::F64 : DType::F32), path.string(), ": ", name, " is stored as ",
            peft::name(ref.dtype), ": the run had another precision");
    require(static_cast<std::size_t>(ref.size()) == values.size(), path.string(), ": ", name, " has ", ref.size(),
            " numbers, expected ", values.size());
    ref.template read<T>(values);
  }
  return state;
}

}  // namespace peft
