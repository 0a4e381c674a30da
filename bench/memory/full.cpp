// SPDX-License-Identifier: Apache-2.0
// Full fine-tuning; planned, without room for all of it.
#include <peft/delta/full.hpp>

#include "measure.hpp"

namespace peft::bench {

namespace {

/// `Full` whose tensors all lie in one block as large as the largest of them. The plan of a step depends on their
/// shapes alone, so it is that of full fine-tuning; a step run with it would be nonsense.
struct FullInOneBlock {
  static constexpr Route route = Full::route;
  static constexpr Kind fits = Full::fits;
  static constexpr Keep keeps = Full::keeps;
  using Places = Full::Places;
  static constexpr bool stands_for_all = true;

  template <class V>
  struct Shared {
    V block;
  };
  template <class V>
  struct Params {
    V w;
    Extent rows = 0, cols = 0;
  };
  template <class V>
  struct Kept {};

  static std::pair<Extent, Extent> shape(const Module& m) {
    const Kind kind = info(m.site).kind;
    require(kind != Kind::table || m.in_head, "full fine-tuning without memory is planned for tied words only");
    return kind == Kind::table ? std::pair{m.in, m.out}
                               : std::pair{kind == Kind::norm ? 1 : m.out, kind == Kind::norm ? m.out : m.in};
  }
  void declare_shared(auto& fields, auto& shared, const auto&, const std::vector<Module>& modules) const {
    Extent most = 0;
    for (const Module& m : modules) most = std::max(most, shape(m).first * shape(m).second);
    fields.trained("block", shared.block, 1, most);
  }
  void declare(auto&, auto& p, const Module& m) const { std::tie(p.rows, p.cols) = shape(m); }
  void share(auto& all) const {
    for (auto& p : all.modules) p.w = decltype(p.w)(all.shared.block.data(), p.rows, p.cols);
  }
  auto weights(const auto& p, auto frozen) const -> decltype(frozen) { return {p.w, {}}; }
  auto gradient(auto& g) const { return Weights<std::remove_reference_t<decltype(g.w)>>{g.w, {}}; }
};

}  // namespace

bool run_full(const Options& o) {
  if (o.method != "full") return false;
  if (o.mode == "plan")
    measure(o, Method<Delta<FullInOneBlock>>{});
  else
    measure(o, Method<Delta<Full>>{});
  return true;
}

}  // namespace peft::bench
