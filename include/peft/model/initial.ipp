// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include <peft/core/inline.hpp>
#include <peft/model/initial.hpp>

namespace peft {

PEFT_INLINE std::vector<std::pair<const Field*, const TensorRef*>> checkpoint_head(
    const CheckpointTensors& file, const std::vector<std::string>& classes, const std::string& own,
    const Layout& layout, std::size_t first) {
  const auto ends = [&](const std::string& name) { return name.ends_with(own); };
  if (!classes.empty() && std::none_of(classes.begin(), classes.end(), ends)) return {};
  std::vector<std::pair<const Field*, const TensorRef*>> found;
  for (std::size_t i = first; i < layout.fields().size(); ++i) {
    const Field& f = layout.fields()[i];
    const TensorRef* t = file.find(f.name);
    if (!t || t->shape != (f.vector ? std::vector<std::int64_t>{f.cols} : std::vector<std::int64_t>{f.rows, f.cols}))
      return {};
    found.emplace_back(&f, t);
  }
  return found;
}

#ifdef PEFT_SEPARATE
template std::vector<float> initial_values(const Field&, std::uint64_t, const TensorStore<float, Host>&,
                                           const Weight<float>&);
template std::vector<double> initial_values(const Field&, std::uint64_t, const TensorStore<double, Host>&,
                                            const Weight<double>&);
#endif

}  // namespace peft
