// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_write.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/export.hpp>
#include <peft/train/engine.hpp>

#include <cmath>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "io_temporary.hpp"

namespace small {

inline std::filesystem::path folder(const char* name = "tiny-bert") {
  return std::filesystem::path(PEFT_SOURCE_DIR) / "tests/golden/data" / name;
}

inline peft::Batch some_batch() {
  peft::Batch b;
  std::int64_t example = 0;
  for (const int n : {5, 2, 17, 9, 30}) {
    peft::Encoded e;
    for (int i = 0; i < n; ++i)
      e.ids.push_back(i == 0 ? 2 : static_cast<int>(4 + peft::rng::combine(8, std::uint64_t(40 * example + i)) % 92));
    e.types.assign(std::size_t(n), 0);
    b.add(e, example++);
  }
  return b;
}

template <class M>
std::vector<typename M::T> logits_of(M& model) {
  peft::Engine<M> engine(model, 1);
  engine.prepare();
  return engine.predict(some_batch());
}
template <class T>
double worst(const std::vector<T>& a, const std::vector<T>& b) {
  REQUIRE(a.size() == b.size());
  double d = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    d = std::isnan(a[i] - b[i]) ? 1e30 : std::max(d, std::abs(double(a[i]) - double(b[i])));
  return d;
}

/// Moves every trained number, so that nothing is zero that could hide a mistake.
template <class M>
void disturb(M& model, double deviation = 0.1, std::uint64_t seed = 1) {
  for (const peft::Field& f : model.layout().fields()) {
    auto values = model.read(f);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] += typename M::T(deviation * peft::rng::normal(peft::rng::combine(seed, f.name), i));
    model.write(f, values);
  }
}

/// A copy of the tiny checkpoint with some of its tensors changed.
struct Checkpoint {
  Temporary copy;
  struct Tensor {
    peft::DType dtype;
    std::vector<std::int64_t> shape;
    std::vector<std::byte> bytes;
  };
  std::map<std::string, Tensor> tensors;

  explicit Checkpoint(const char* name = "tiny-bert") {
    const auto file = peft::SafeTensors::open(folder(name) / "model.safetensors");
    for (const auto& tensor : file.names()) {
      const auto& t = file.at(tensor);
      tensors[tensor] = {t.dtype, t.shape, {t.bytes.begin(), t.bytes.end()}};
    }
    for (const char* other : {"config.json", "vocab.txt"})
      if (std::filesystem::exists(folder(name) / other)) std::filesystem::copy_file(folder(name) / other, copy / other);
  }
  const std::filesystem::path& write() const {
    std::vector<peft::NamedTensor> list;
    for (const auto& [name, t] : tensors) list.push_back({name, t.dtype, t.shape, t.bytes.data()});
    peft::write_safetensors(copy / "model.safetensors", list);
    return copy.path();
  }
  std::string error() const {
    return error_of([&] { peft::Bert<float>::open(write()); });
  }
};

}  // namespace small
