// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/core/transfer.hpp>
#include <peft/core/worker.hpp>

namespace peft {

/// What a frozen backbone's layers gave for one group of sequences, on the host: all that a side net ever sees of it. A
/// second pass over the same group may be shown these in place of running the layers.
template <class T>
class States {
 public:
  bool empty() const { return outputs_.empty(); }
  void clear() { outputs_.clear(), scores_.clear(); }

  /// The output of a layer (-1: the embeddings, -2: a decoder's), of all rows or of the first of each sequence.
  template <ExecutionSpace E>
  void add(Worker<E>& w, int layer, Mat<const T, E> x, bool gathered) {
    if (!w.planning()) outputs_[layer] = {rows(x), gathered, host(w, x)};
  }
  template <ExecutionSpace E>
  void add_scores(Worker<E>& w, bool cross, int layer, Mat<const T, E> mean) {
    if (!w.planning()) scores_[{cross, layer}] = host(w, mean);
  }

  bool gathered(int layer) const { return output(layer).gathered; }
  /// The same again, in the first rows of `room`, (tokens, d). Throws Error for states of a group of another size.
  template <class V, ExecutionSpace E>
  V get(Worker<E>& w, int layer, V room, Extent sequences) const {
    const Output& out = output(layer);
    const Extent n = out.gathered ? sequences : rows(room);
    require(w.planning() || (out.rows == n && out.values.size() == static_cast<std::size_t>(n) * cols(room)),
            "recorded states: layer ", layer, " has ", out.rows, " rows, the group ", n, ": they are of another group");
    const V x = slice(room, 0, n);
    fill(w, x, out.values);
    return x;
  }
  template <class V, ExecutionSpace E>
  void get_scores(Worker<E>& w, bool cross, int layer, V mean) const {
    const auto found = scores_.find({cross, layer});
    require(found != scores_.end(), "recorded states: there are no attention scores of layer ", layer);
    fill(w, mean, found->second);
  }

 private:
  struct Output {
    Extent rows = 0;
    bool gathered = false;
    std::vector<T> values;
  };
  const Output& output(int layer) const {
    const auto found = outputs_.find(layer);
    require(found != outputs_.end(), "recorded states: there is nothing of layer ", layer);
    return found->second;
  }
  template <class C, ExecutionSpace E>
  static std::vector<T> host(Worker<E>& w, C x) {
    w.fence();
    return downloaded<E>(x.data(), x.size());
  }
  template <class V, ExecutionSpace E>
  static void fill(Worker<E>& w, V to, const std::vector<T>& values) {
    if (!w.planning()) upload(w.exec, to.data(), values.data(), std::min<std::size_t>(values.size(), to.size()));
  }

  std::map<int, Output> outputs_;
  std::map<std::pair<bool, int>, std::vector<T>> scores_;
};

}  // namespace peft
