// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <vector>

#include <peft/attachment.hpp>

namespace peft {

/// A backbone's own tensors at the modules of an attachment, delta by delta: made where the two meet, so that neither
/// holds the other.
template <class Backbone, class M>
class Frozen {
 public:
  using View = Weights<Mat<const typename Backbone::Scalar, typename Backbone::Space>>;

  Frozen(const Backbone& backbone, const Attachment<Backbone, M>& attached) {
    for (std::size_t i = 0; i < M::Plain::size; ++i)
      for (const Module& m : attached.placement(i).modules) of_[i].push_back(backbone.weights(m.site, m.layer));
  }
  /// Those of delta i, one entry per module.
  const std::vector<View>& operator[](std::size_t i) const { return of_[i]; }

 private:
  std::array<std::vector<View>, M::Plain::size == 0 ? 1 : M::Plain::size> of_;
};

}  // namespace peft
