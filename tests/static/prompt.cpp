// SPDX-License-Identifier: Apache-2.0
// Input: virtual tokens before every sequence, made by a small encoder as in P-tuning.
#include "whole.hpp"

using namespace peft;

namespace {

struct Prompt {
  static constexpr Route route = Route::input;
  static constexpr Kind fits = Kind::input;
  using Places = At<Input>;
  int length = 2, inner = 3;

  template <class V>
  struct Params {
    V e, w, rows;  // (length, inner) (inner, d); derived: e w
  };
  template <class V>
  struct Kept {};

  Extent count() const { return length; }
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.trained("e", p.e, length, inner, normal(1));
    fields.trained("w", p.w, inner, m.out, normal(0.5));
    fields.derived("rows", p.rows, length, m.out);
  }
  auto rows(auto& p) const { return p.rows; }
  void prepare(auto& c, auto& all) const {
    for (auto& p : all.modules) ops::gemm(c.w, p.rows, p.e, p.w);
  }
  void finish(auto& c, auto& all, auto& grads) const {
    for (std::size_t i = 0; i < all.modules.size(); ++i) {
      ops::gemm(c.w, grads.modules[i].e, grads.modules[i].rows, t(all.modules[i].w), 1, 1);
      ops::gemm(c.w, grads.modules[i].w, t(all.modules[i].e), grads.modules[i].rows, 1, 1);
    }
  }
};
static_assert(DeltaFor<Prompt, Site::input> && !DeltaFor<Prompt, Site::layer>);

}  // namespace

TEST_CASE("toys: virtual tokens before every sequence") {
  whole::check_alone<Prompt>();
  whole::check(Method<Delta<Prompt>>{});
}
