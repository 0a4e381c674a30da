// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <peft/core/transfer.hpp>
#include <peft/io/check_finite.hpp>
#include <peft/site.hpp>

namespace peft {

/// Refuses a backbone's numbers that are not finite when a model is about to use them first: of tables the rows that
/// are looked up, all else whole. So opening reads no weight, and no page that the model's steps leave alone comes to
/// memory. Whoever uses a backbone has one; what was looked at once is not again (CheckpointTensors).
template <class Backbone>
class FirstUse {
 public:
  /// words: are they read off? pooler: does the task's head read it?
  FirstUse(const Backbone& backbone, bool words, bool pooler) : backbone_(backbone), words_(words), pooler_(pooler) {}

  /// Of sequences of these ids, the longest of so many rows. Throws Error naming the file, the tensor and the place.
  void operator()(std::span<const std::int32_t> ids, Extent longest) {
    if (longest_ < 0) whole();
    backbone_.store().check_finite(backbone_.path(Site::word_table, -1) + ".weight", ids);
    if (longest <= longest_) return;
    longest_ = longest;
    if (!backbone_.has(Site::position_table, -1)) return;
    const Extent first = backbone_.position_offset(), all = rows(backbone_.weights(Site::position_table, -1).w);
    std::vector<std::int32_t> places(static_cast<std::size_t>(std::min(longest, all - first)));
    std::iota(places.begin(), places.end(), first);
    backbone_.store().check_finite(backbone_.path(Site::position_table, -1) + ".weight", places);
  }

 private:
  bool reads(Site s) const {
    switch (s) {
      case Site::word_table: return words_ && backbone_.tied();
      case Site::position_table: return false;
      case Site::lm_head: return words_ && !backbone_.tied();
      case Site::pooler: return pooler_;
      default: return true;
    }
  }
  void whole() const {
    for (const SiteInfo& s : site_table)
      for (int layer = s.per_layer ? 0 : -1; layer < (s.per_layer ? backbone_.layers() : 0); ++layer)
        if (backbone_.has(s.site, layer) && reads(s.site))
          for (const char* field : {".weight", ".bias"})
            backbone_.store().check_finite(backbone_.path(s.site, layer) + field);
  }

  const Backbone& backbone_;
  bool words_, pooler_;
  Extent longest_ = -1;  // of which positions were looked at; -1: nothing was
};

/// Why an adapter on a backbone that is finite gives numbers that are not: a tensor of its own that is not; else its largest
/// weight, as its numbers outgrow their type on the way.
template <class Backbone, class A>
std::string why_not_finite(const Backbone& backbone, const A& adapter) {
  using T = typename A::T;
  const std::vector<T> own =
      downloaded<typename A::E>(static_cast<const T*>(adapter.buffer().data()), adapter.buffer().size());
  if (std::string where = not_finite_in(adapter.layout(), std::span<const T>(own)); !where.empty()) return where;
  double largest = -1;
  std::string where;
  const auto consider = [&](const std::string& name, const std::vector<T>& values, Extent rows, Extent cols) {
    const auto most =
        std::max_element(values.begin(), values.end(), [](T a, T b) { return std::abs(a) < std::abs(b); });
    if (most == values.end() || !(std::abs(*most) > largest)) return;
    largest = std::abs(*most);
    where =
        cat(name, " ",
            holds_at(*most, std::vector<std::int64_t>{rows, cols}, static_cast<std::size_t>(most - values.begin())));
  };
  for (const Field& f : adapter.layout().fields()) consider(f.name, adapter.read(f), f.rows, f.cols);
  for (const auto& [name, tensor] : backbone.store().tensors())
    consider(name, host_values(tensor), rows(tensor), cols(tensor));
  return cat("every weight is finite, so numbers outgrow their type on the way through the model; the largest weight: ",
             where);
}

}  // namespace peft
