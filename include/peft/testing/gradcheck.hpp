// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <type_traits>
#include <utility>

#include <peft/core/transfer.hpp>
#include <peft/delta/lora.hpp>
#include <peft/gate/scales.hpp>
#include <peft/testing/checked_modules.hpp>

/// Is a backward the derivative of its forward? For a delta of your own, alone:
/// `CHECK(testing::gradcheck<MyDelta>().worst < 1e-6)`. For a whole model see testing/gradcheck_model.hpp, for an op
/// testing/gradcheck_op.hpp.
namespace peft::testing {

/// One delta on modules of one shape, with random tensors everywhere.
template <class D, ExecutionSpace E>
class DeltaCheck final : public CheckedModules<E> {
  using Base = CheckedModules<E>;
  using typename Base::C, typename Base::V;

 public:
  DeltaCheck(const D& delta, const CheckShape& shape, const CheckOptions& options)
      : Base({D::route, D::fits, keep_of<D>() == Keep::input, rescales<D>()}, shape, options), delta_(delta) {
    declare(Fields<double, E>(this->layout_, "shared"), {});
    this->finish_layout();
    bind(value_, this->values_);
    bind(gradient_, this->gradients_);
  }

 private:
  template <class F>
  void declare(F&& fields, All<D, V> all) {
    if constexpr (HasShared<D, V>) declare_shared(delta_, fields, all.shared, this->shape_, this->modules_);
    for (const Module& m : this->modules_) {
      Fields<double, E> own(this->layout_, m.path);
      typename D::template Params<V> params;
      delta_.declare(own, params, m);
    }
  }
  void bind(All<D, V>& all, const Kokkos::View<double*, typename E::memory_space>& buffer) {
    Fields<double, E> fields(this->layout_, 0, buffer.data(), static_cast<std::int64_t>(buffer.size()));
    if constexpr (HasShared<D, V>) declare_shared(delta_, fields, all.shared, this->shape_, this->modules_);
    all.modules.resize(this->modules_.size());
    for (std::size_t m = 0; m < this->modules_.size(); ++m) delta_.declare(fields, all.modules[m], this->modules_[m]);
    hooks::share(delta_, all);
  }

  void prepare(Context<double, E>& c) override { hooks::prepare(delta_, c, value_); }
  void finish(Context<double, E>& c) override { hooks::finish(delta_, c, value_, gradient_); }
  double penalty(Context<double, E>& c) override { return hooks::penalty(delta_, c, value_); }
  void regularise(Context<double, E>& c) override { hooks::regularise(delta_, c, value_, gradient_); }

  double one(Context<double, E>& c, std::size_t m, int backwards) override {
    const auto& p = value_.modules[m];
    auto& g = gradient_.modules[m];
    typename D::template Kept<V> kept;
    if constexpr (D::route == Route::branch) {
      using From = std::conditional_t<rescales<D>(), V, C>;
      return this->branch(
          m, backwards, [&](C x, V y) { delta_.forward(c, p, x, y, kept); },
          [&](C x, V dy, V dx) { delta_.backward(c, p, x, From(dy), std::as_const(kept), g, dx); });
    } else if constexpr (D::route == Route::post || D::route == Route::pre) {
      return this->map(
          m, backwards, [&](V h) { delta_.forward(c, p, h, kept); },
          [&](V dh) { delta_.backward(c, p, dh, std::as_const(kept), g); });
    } else if constexpr (D::route == Route::weight) {
      const auto w = delta_.weights(p, this->frozen_[m]);
      const auto into = delta_.gradient(g);
      return this->given(m, backwards,
                         {{empty(into.w) ? C() : C(w.w), into.w}, {empty(into.b) ? C() : C(w.b), into.b}});
    } else if constexpr (D::route == Route::prefix) {
      const auto kv = delta_.keys_values(value_.modules[m]);
      const auto into = delta_.keys_values(g);
      return this->given(m, backwards, {{kv.k, into.k}, {kv.v, into.v}});
    } else if constexpr (D::route == Route::input) {
      const V given = delta_.rows(value_.modules[m]);
      require(rows(given) == delta_.count(), "count() is ", delta_.count(), ", rows() has ", rows(given));
      return this->given(m, backwards, {{given, delta_.rows(g)}});
    } else {
      delta_.begin(c, p, kept, Base::depth);
      return this->side(
          m, backwards,
          [&](int layer, C hidden) {
            c.layer = layer;
            delta_.tap(c, p, kept, layer, hidden);
          },
          [&](V last) {
            c.layer = -1;
            delta_.correct(c, p, kept, last);
          },
          [&](C dlast) { delta_.backward(c, p, kept, dlast, g); });
    }
  }

  const D& delta_;
  All<D, V> value_, gradient_;
};

/// The gradients of a delta of any route, alone, for every parameter and every input, over several shapes: `prepare`,
/// `finish` and `regularise` (where there is a `penalty`) included. In double.
template <class D, ExecutionSpace E = Host>
Gradcheck gradcheck(const D& delta = {}, const CheckOptions& options = {}) {
  static_assert(
      IsDelta<D>,
      "peft::testing::gradcheck: this type is no complete delta (peft/concepts.hpp); a gate is checked by gradcheck_gate");
  Gradcheck result;
  for (const CheckShape& shape : options.shapes) result.add(DeltaCheck<D, E>(delta, shape, options).run());
  return std::move(result).closed();
}

/// Is a gate that says so a factor per rank, with random tensors of its own?
template <ScalesRanks G, ExecutionSpace E>
void check_scales(const G& gate) {
  constexpr Extent r = 6;
  Layout layout;
  typename G::template Params<Mat<double, E>> p;
  Fields<double, E> listed(layout, "gate");
  gate.declare(listed, p, r);
  layout.finish();
  std::vector<double> values(static_cast<std::size_t>(layout.size()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = rng::normal(rng::mix(r), i);
  Kokkos::View<double*, typename E::memory_space> buffer("peft::gate", values.size());
  upload(E{}, buffer.data(), values.data(), values.size());
  Fields<double, E> bound(layout, 0, buffer.data(), layout.size());
  gate.declare(bound, p, r);
  Worker<E> w = roomy_worker<E>();
  Context<double, E> c{w};
  scales_of<double, E>(gate, c, p, r);
}

/// The same for a gate, in the middle of a LoRA. Throws Error for one that says that it scales its ranks, and does not.
template <class G, ExecutionSpace E = Host>
Gradcheck gradcheck_gate(const G& gate = {}, const CheckOptions& options = {}) {
  if constexpr (ScalesRanks<G>) check_scales<G, E>(gate);
  LoRA<3, G> lora;
  lora.gate = gate;
  return gradcheck<LoRA<3, G>, E>(lora, options);
}

}  // namespace peft::testing
