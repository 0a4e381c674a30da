// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <charconv>
#include <cstdlib>

#include <peft/core/exact.hpp>
#include <peft/core/inline.hpp>
#include <peft/io/check_finite.hpp>
#include <peft/io/checksum.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_write.hpp>
#include <peft/train/checkpoint.hpp>

namespace peft {

constexpr const char* run_version = "2";        // of the file; 1 did not hold the whole report
constexpr const char* losses_name = "losses";  // a tensor beside those of the run

PEFT_INLINE double exact(const std::string& text, const std::string& where) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  require(!text.empty() && end == text.c_str() + text.size(), where, ": \"", text, "\" is not a number");
  return value;
}

PEFT_INLINE std::string differences(const Notes& now, const Notes& then) {
  std::string text;
  for (const auto& [key, value] : now) {
    const auto found = then.find(key);
    if (found == then.end() || found->second != value)
      text += (text.empty() ? "" : "; ") + key + ": now " + value + ", then " +
              (found == then.end() ? "nothing" : found->second);
  }
  return text;
}

PEFT_INLINE std::string describe(const Layout& layout) {
  std::string text;
  for (const Field& f : layout.fields()) text += cat(f.name, " (", f.rows, ", ", f.cols, ") at ", f.offset, "\n");
  return text;
}

PEFT_INLINE Notes to_notes(const RunState& s) {
  Notes n{{"step", cat(s.step)},
          {"epoch", cat(s.epoch)},
          {"cursor", cat(s.cursor)},
          {"epoch_loss", exact(s.epoch_loss)},
          {"stopping.best", exact(s.stopping.best)},
          {"stopping.since", cat(s.stopping.since)},
          {"stopping.any", cat(s.stopping.any)},
          {"examples", cat(s.history.examples)},
          {"tokens", cat(s.history.tokens)},
          {"seconds", exact(s.history.seconds)},
          {"cpu_seconds", exact(s.history.cpu_seconds)},
          {"epochs", cat(s.history.epochs.size())}};
  for (const auto& [key, value] : s.identity) n["identity." + key] = value;
  for (const auto& [key, value] : s.environment) n["environment." + key] = value;
  for (std::size_t i = 0; i < s.history.epochs.size(); ++i) {
    const EpochReport& e = s.history.epochs[i];
    const std::string at = cat("epoch.", i, ".");
    n[at + "epoch"] = cat(e.epoch);
    n[at + "loss"] = exact(e.loss);
    n[at + "best"] = cat(e.best);
    n[at + "main"] = exact(e.dev.main);
    n[at + "name"] = e.dev.main_name;
    n[at + "parts"] = cat(e.dev.parts.size());
    for (std::size_t k = 0; k < e.dev.parts.size(); ++k) {
      n[cat(at, "part.", k)] = e.dev.parts[k].first;
      n[cat(at, "value.", k)] = exact(e.dev.parts[k].second);
    }
  }
  return n;
}

PEFT_INLINE RunState from_notes(const Notes& n, const std::string& where) {
  const auto text = [&](const std::string& key) {
    const auto found = n.find(key);
    require(found != n.end(), where, ": no checkpoint of a run: its metadata has no \"", key, "\"");
    return found->second;
  };
  const auto number = [&](const std::string& key) { return exact(text(key), where + ": " + key); };
  const auto whole = [&](const std::string& key) {
    const std::string digits = text(key);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    require(error == std::errc{} && end == digits.data() + digits.size() && value >= 0, where, ": ", key, " is \"",
            digits, "\", expected a count");
    return value;
  };
  RunState s{whole("step"), whole("epoch"), whole("cursor"), number("epoch_loss"), {}, {}, {}, {}};
  s.history.examples = whole("examples");
  s.history.tokens = whole("tokens");
  s.history.seconds = number("seconds");
  s.history.cpu_seconds = number("cpu_seconds");
  s.stopping = {number("stopping.best"), static_cast<int>(whole("stopping.since")), whole("stopping.any") != 0};
  for (std::int64_t i = 0; i < whole("epochs"); ++i) {
    const std::string at = cat("epoch.", i, ".");
    EpochReport e{static_cast<int>(whole(at + "epoch")), number(at + "loss"), {}, whole(at + "best") != 0};
    e.dev.main = number(at + "main");
    e.dev.main_name = text(at + "name");
    for (std::int64_t k = 0; k < whole(at + "parts"); ++k)
      e.dev.parts.emplace_back(text(cat(at, "part.", k)), number(cat(at, "value.", k)));
    s.history.epochs.push_back(std::move(e));
  }
  for (const auto& [key, value] : n) {
    if (key.starts_with("identity.")) s.identity[key.substr(9)] = value;
    if (key.starts_with("environment.")) s.environment[key.substr(12)] = value;
  }
  return s;
}

template <class T>
void write_checkpoint(const std::filesystem::path& path, const Layout& layout, const RunState& state,
                      const std::map<std::string, std::vector<T>>& buffers) {
  std::vector<NamedTensor> tensors;
  for (const auto& [name, values] : buffers)
    tensors.push_back(
        {name, sizeof(T) == 8 ? DType::F64 : DType::F32, {static_cast<std::int64_t>(values.size())}, values.data()});
  const std::vector<double>& losses = state.history.losses;
  tensors.push_back({losses_name, DType::F64, {static_cast<std::int64_t>(losses.size())}, losses.data()});
  Notes metadata = to_notes(state);
  metadata["format"] = "peft.hpp run";
  metadata["version"] = run_version;
  metadata["layout"] = describe(layout);
  write_safetensors(path, tensors, metadata);
}

template <class T>
RunState read_checkpoint(const std::filesystem::path& path, const Layout& layout, const Notes& identity,
                         std::map<std::string, std::vector<T>>& buffers) {
  const std::string where = path.string();
  const SafeTensors file = SafeTensors::open(path);
  const Notes& metadata = file.metadata();
  const auto has = [&](const char* key, const std::string& value) {
    const auto found = metadata.find(key);
    return found != metadata.end() && found->second == value;
  };
  require(has("format", "peft.hpp run"), where, ": no checkpoint of a run");
  require(has("version", run_version), where,
          ": the run was saved by another version of this library, which cannot be gone on with; start another run");
  require(metadata.contains(std::string(checksum_key)), where, ": its metadata has no ", checksum_key,
          ", with which every run is saved; it is damaged");
  check_checksum(file);
  require(has("layout", describe(layout)), where,
          ": the checkpoint is of another model or method: its tensors have other names or shapes");
  RunState state = from_notes(metadata, where);
  const std::string changed = differences(identity, state.identity);
  require(changed.empty(), where, ": cannot resume a run with other options or inputs (", changed,
          "); give the same ones, or start another run");
  for (auto& [name, values] : buffers) {
    const TensorRef& ref = file.at(name);
    require(ref.dtype == (sizeof(T) == 8 ? DType::F64 : DType::F32), where, ": ", name, " is stored as ",
            peft::name(ref.dtype), ": the run had another precision");
    require(static_cast<std::size_t>(ref.size()) == values.size(), where, ": ", name, " has ", ref.size(),
            " numbers, expected ", values.size());
    ref.template read<T>(values);
    const std::string odd = not_finite_in(layout, std::span<const T>(values));
    require(odd.empty(), where, ": ", name, " of ", odd, "; start the run again");
  }
  state.history.losses = file.at(losses_name).template values<double>();
  return state;
}

#ifdef PEFT_SEPARATE
template void write_checkpoint(const std::filesystem::path&, const Layout&, const RunState&,
                               const std::map<std::string, std::vector<float>>&);
template void write_checkpoint(const std::filesystem::path&, const Layout&, const RunState&,
                               const std::map<std::string, std::vector<double>>&);
template RunState read_checkpoint(const std::filesystem::path&, const Layout&, const Notes&,
                                  std::map<std::string, std::vector<float>>&);
template RunState read_checkpoint(const std::filesystem::path&, const Layout&, const Notes&,
                                  std::map<std::string, std::vector<double>>&);
#endif

}  // namespace peft
