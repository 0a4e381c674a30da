// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <peft/core/worker.hpp>
#include <peft/testing/gradient.hpp>

namespace peft::testing {

/// One input of an op and the tensor in which its backward leaves the gradient.
template <ExecutionSpace E = Host>
struct Checked {
  std::string name;
  Tensor<double, E>& value;
  const Tensor<double, E>& gradient;
};

/// Checks an op given as two callables: `loss()` runs forward and returns a number made of its results (sum(y * r), see
/// `dot`), `backward()` fills the gradients of that number with respect to `inputs`.
template <ExecutionSpace E = Host>
Gradcheck gradcheck_op(const std::function<double()>& loss, const std::function<void()>& backward,
                       std::vector<Checked<E>> inputs, double step = 1e-5) {
  Gradcheck result;
  loss();
  backward();
  std::vector<std::vector<double>> gradients;
  for (const auto& in : inputs) gradients.push_back(in.gradient.host());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    compare<E>(result, inputs[i].name, inputs[i].value.view.data(), gradients[i], step, loss);
  return std::move(result).closed();
}

/// A worker with room for any small test.
template <ExecutionSpace E = Host>
Worker<E> roomy_worker(std::size_t bytes = std::size_t{1} << 24) {
  Worker<E> w;
  w.space.reserve(bytes);
  return w;
}

}  // namespace peft::testing
