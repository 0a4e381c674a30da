// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <peft/core/fields.hpp>
#include <peft/core/rng.hpp>
#include <peft/core/torch_random.hpp>
#include <peft/core/transfer.hpp>
#include <peft/io/checkpoint.hpp>
#include <peft/model/tensor_store.hpp>

namespace peft {

/// What the tensor of a field begins with (Field::init), row-major; it draws from (seed, its name). `backbone` has the
/// frozen tensors, `words` (vocabulary, width) are its embeddings.
template <class T, ExecutionSpace E>
std::vector<T> initial_values(const Field& f, std::uint64_t seed, const TensorStore<T, E>& backbone,
                              const Weight<T, E>& words);

/// The head that a checkpoint holds for the same task, in tensors of the same shapes as the fields from `first` on:
/// each with its tensor. Empty where there is no file, none of its classes (Hugging Face's `architectures`) ends in
/// `own`, or a tensor is missing.
std::vector<std::pair<const Field*, const TensorRef*>> checkpoint_head(const CheckpointTensors& file,
                                                                       const std::vector<std::string>& classes,
                                                                       const std::string& own, const Layout& layout,
                                                                       std::size_t first);

namespace initial {

/// Rows of the word table: those of the tokens that are named, else any.
template <class T, ExecutionSpace E>
std::vector<T> word_rows(const Field& f, std::uint64_t key, const Weight<T, E>& table) {
  require(cols(table) == f.cols, f.name, ": rows of ", f.cols, " numbers cannot begin as word embeddings of ",
          cols(table));
  std::vector<T> all;
  for (Extent i = 0; i < f.rows; ++i) {
    const auto& tokens = f.init.tokens;
    const auto drawn = static_cast<Extent>(rng::uniform(key, static_cast<std::uint64_t>(i)) * rows(table));
    const Extent id = tokens.empty() ? drawn : tokens[static_cast<std::size_t>(i) % tokens.size()];
    require(id >= 0 && id < rows(table), f.name, ": token id ", id, " is outside the backbone's vocabulary of ",
            rows(table));
    const std::vector<T> row = host_values(slice(table, id, id + 1));
    all.insert(all.end(), row.begin(), row.end());
  }
  return all;
}

/// The lengths of a weight's rows.
template <class T, ExecutionSpace E>
std::vector<T> row_norms(const Field& f, const Weight<T, E>& weight) {
  require(rows(weight) == f.cols, f.name, ": as many rows as the weight of ", f.module, " were expected, ",
          rows(weight));
  const std::vector<T> all = host_values(weight);
  std::vector<T> norms;
  for (Extent i = 0; i < rows(weight); ++i) {
    double sum = 0;
    for (Extent j = 0; j < cols(weight); ++j)
      sum += std::pow(static_cast<double>(all[static_cast<std::size_t>(i) * cols(weight) + j]), 2);
    norms.push_back(static_cast<T>(std::sqrt(sum)));
  }
  return norms;
}

}  // namespace initial

template <class T, ExecutionSpace E>
std::vector<T> initial_values(const Field& f, std::uint64_t seed, const TensorStore<T, E>& backbone,
                              const Weight<T, E>& words) {
  const auto key = rng::combine(rng::mix(seed), f.name);
  const auto n = static_cast<std::size_t>(f.size());
  const double scale = f.init.scale;
  std::vector<T> values(n);
  const auto drawn = [&](auto&& number) {
    for (std::size_t i = 0; i < n; ++i) values[i] = static_cast<T>(scale * number(i));
  };
  switch (f.init.kind) {
    case Init::constant: values.assign(n, static_cast<T>(scale)); break;
    case Init::uniform: drawn([&](std::size_t i) { return 2 * rng::uniform(key, i) - 1; }); break;
    case Init::normal: drawn([&](std::size_t i) { return rng::normal(key, i); }); break;
    case Init::truncated: drawn([&](std::size_t i) { return rng::truncated_normal(key, i); }); break;
    case Init::checkpoint:
      backbone.check_finite(f.name);
      values = host_values(backbone.at(f.name));
      break;
    case Init::words: values = initial::word_rows<T, E>(f, key, words); break;
    case Init::row_norms:
      backbone.check_finite(f.module + ".weight");
      values = initial::row_norms<T, E>(f, backbone.at(f.module + ".weight"));
      break;
    case Init::torch: torch_uniform(values, scale, f.init.seed, f.init.skipped); break;
  }
  return values;
}

#ifdef PEFT_SEPARATE
extern template std::vector<float> initial_values(const Field&, std::uint64_t, const TensorStore<float, Host>&,
                                                  const Weight<float>&);
extern template std::vector<double> initial_values(const Field&, std::uint64_t, const TensorStore<double, Host>&,
                                                   const Weight<double>&);
#endif

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/model/initial.ipp>
#endif
