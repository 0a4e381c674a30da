// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <peft/delta/lora.hpp>
#include <peft/nn/packed.hpp>
#include <peft/testing/gradcheck_op.hpp>

/// Is a backward the derivative of its forward? For a delta of your own, alone: `CHECK(testing::gradcheck<MyDelta>().worst <
/// 1e-6)`. For a whole model see testing/gradcheck_model.hpp, for an op testing/gradcheck_op.hpp.
namespace peft::testing {

struct CheckShape {
  Extent rows = 7, in = 6, out = 5;  // hidden sites take `out` for both
};

struct CheckOptions {
  std::vector<CheckShape> shapes{{7, 6, 5}, {1, 3, 9}, {19, 17, 8}};
  std::optional<Site> site{};// default: the first kind that the delta fits
  int modules = 2;           // layers 0 .. modules - 1
  bool training = true;      // dropout and samples are active; they depend on `seed` alone
  std::uint64_t seed = 1;
  double step = 1e-5;
};

/// One delta on modules of one shape, with random tensors everywhere.
template <class D, ExecutionSpace E>
class DeltaCheck {
 public:
  using V = Mat<double, E>;
  using C = Mat<const double, E>;
  using Tens = Tensor<double, E>;

  DeltaCheck(const D& delta, const CheckShape& shape, const CheckOptions& options)
      : delta_(delta), options_(options), site_(options.site.value_or(first_site())), worker_(roomy_worker<E>()) {
    const bool square = !has(Kind::linear | Kind::table, info(site_).kind);
    const Extent in = square ? shape.out : shape.in, n = info(site_).per_layer ? options.modules : 1;
    once_.space.grow_when_full();
    shape_.layers = D::route == Route::side ? depth : n;
    shape_.width = in;
    shape_.heads = 1;
    shape_.inner = shape.out;
    for (int layer = 0; layer < n; ++layer)
      modules_.push_back({site_, info(site_).per_layer ? layer : -1, in, shape.out, true, cat("module.", layer), shape_});
    declare(Fields<double, E>(layout_, "shared"), {});
    layout_.finish();
    values_ = Kokkos::View<double*, typename E::memory_space>("peft::values", layout_.size());
    gradients_ = Kokkos::View<double*, typename E::memory_space>("peft::gradients", layout_.gradient_size());
    bind(value_, values_);
    bind(gradient_, gradients_);
    pack_rows(shape.rows);
    for (const Module& m : modules_) {
      const std::uint64_t key = 100 * static_cast<std::uint64_t>(m.layer + 2);
      const bool norm = info(site_).kind == Kind::norm, table = info(site_).kind == Kind::table;
      x_.push_back(Tens::random(shape.rows, in, key + 1));
      base_.push_back(Tens::random(shape.rows, shape.out, key + 2));
      weight_.push_back(Tens::random(norm ? 1 : table ? in : shape.out, table ? shape.out : in, key + 3, 0.5));
      bias_.push_back(Tens::random(1, shape.out, key + 4, 0.5));
      dx_.emplace_back(shape.rows, in);
      frozen_.push_back({weight_.back().read(), bias_.back().read()});
    }
  }

  Gradcheck run() {
    initialise();
    Gradcheck result;
    // Twice: gradients are added to, so both are half of what is there then. The second time without dx where that may be.
    total(1);
    total(2);
    const auto c = context();
    if constexpr (requires { delta_.finish(c.context, value_, gradient_); }) delta_.finish(c.context, value_, gradient_);
    std::vector<std::vector<double>> gradients;
    std::vector<const Field*> trained;
    std::vector<double> all(gradients_.size());
    Kokkos::deep_copy(Kokkos::View<double*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(all.data(), all.size()), gradients_);
    for (double& g : all) g /= 2;
    add_penalty(all);
    for (const Field& f : layout_.fields()) {
      if (f.role != Role::trained) continue;
      trained.push_back(&f);
      gradients.emplace_back(all.begin() + f.offset, all.begin() + f.offset + f.size());
    }
    const auto loss = [&] { return total(0); };
    for (std::size_t i = 0; i < trained.size(); ++i)
      compare<E>(result, trained[i]->name, values_.data() + trained[i]->offset, gradients[i], options_.step, loss);
    if constexpr (D::route == Route::branch || D::route == Route::post || D::route == Route::pre)
      for (std::size_t m = 0; m < modules_.size(); ++m) {
        Tens& input = D::route == Route::branch ? x_[m] : base_[m];
        compare<E>(result, modules_[m].path + (D::route == Route::branch ? ".x" : ".h"), input.view.data(), input_gradient_[m],
                   options_.step, loss);
        if (rescales<D>()) compare<E>(result, modules_[m].path + ".y", base_[m].view.data(), base_gradient_[m], options_.step, loss);
      }
    return std::move(result).closed();
  }

 private:
  static constexpr int depth = 3;  // layers that a side net sees

  static Site first_site() {
    for (const SiteInfo& s : site_table)
      if (has(D::fits, s.kind) && (s.site != Site::attention)) return s.site;
    return Site::query;
  }

  template <class F>
  void declare(F&& fields, All<D, V> all) {
    if constexpr (requires { typename D::template Shared<V>; }) declare_shared(delta_, fields, all.shared, shape_, modules_);
    for (const Module& m : modules_) {
      Fields<double, E> own(layout_, m.path);
      typename D::template Params<V> params;
      delta_.declare(own, params, m);
    }
  }
  void bind(All<D, V>& all, const Kokkos::View<double*, typename E::memory_space>& buffer) {
    Fields<double, E> fields(layout_, 0, buffer.data(), static_cast<std::int64_t>(buffer.size()));
    if constexpr (requires { typename D::template Shared<V>; }) declare_shared(delta_, fields, all.shared, shape_, modules_);
    all.modules.resize(modules_.size());
    for (std::size_t m = 0; m < modules_.size(); ++m) delta_.declare(fields, all.modules[m], modules_[m]);
    if constexpr (requires { delta_.share(all); }) delta_.share(all);
  }

  /// Trained tensors are random whatever they begin as, so that no gradient vanishes; state begins as declared.
  void initialise() {
    for (const Field& f : layout_.fields()) {
      if (f.role == Role::derived) continue;
      const bool given = f.role == Role::state && f.init.kind == Init::constant;
      Tens t = Tens::random(f.rows, f.cols, rng::combine(options_.seed, f.name), 0.7);
      if (given) t.set(f.init.scale);
      Kokkos::deep_copy(Kokkos::subview(values_, std::make_pair(f.offset, f.offset + f.size())),
                        Kokkos::View<const double*, typename E::memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(t.view.data(), t.size()));
    }
  }

  /// The rows of the site as sequences of a batch.
  void pack_rows(Extent rows) {
    const Extent cut = rows > 2 ? rows / 3 : 0;
    offsets_ = cut > 0 ? std::vector<std::int32_t>{0, cut, rows} : std::vector<std::int32_t>{0, rows};
    ids_.assign(static_cast<std::size_t>(rows), 1);
    types_.assign(static_cast<std::size_t>(rows), 0);
    examples_ = {3, 8};
    // The first and the last row of each sequence are special, and one between where there is room.
    slots_.assign(static_cast<std::size_t>(rows), -1);
    for (std::size_t s = 0; s + 1 < offsets_.size(); ++s) {
      const int begin = offsets_[s], end = offsets_[s + 1];
      int slot = 0;
      slots_[begin] = slot++;
      if (end - begin > 3) slots_[begin + (end - begin) / 2] = slot++;
      if (end - begin > 1) slots_[end - 1] = slot++;
    }
    const Sequences s{offsets_, ids_, types_, examples_, 0, static_cast<Extent>(offsets_.size()) - 1, slots_};
    batch_ = pack(batch_worker_, s, 0, 0, staging_);
  }

  struct Held {
    mutable Context<double, E> context;
  };
  Held context() {
    once_.space.clear();
    Held held{{once_}};
    held.context.seed = options_.seed;
    held.context.training = options_.training;
    held.context.frozen = frozen_.data();
    return held;
  }

  void add_penalty(std::vector<double>& all) {
    const auto c = context();
    if constexpr (requires { delta_.penalty(c.context, value_); }) {
      Kokkos::deep_copy(gradients_, 0.);
      delta_.regularise(c.context, value_, gradient_);
      std::vector<double> more(gradients_.size());
      Kokkos::deep_copy(Kokkos::View<double*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(more.data(), more.size()), gradients_);
      for (std::size_t i = 0; i < all.size(); ++i) all[i] += more[i];
    }
  }

  /// The number whose gradient is checked. `backwards`: 1 with the gradient of the input, 2 without, 0 neither.
  double total(int backwards) {
    const auto c = context();
    double sum = 0;
    if constexpr (requires { delta_.prepare(c.context, value_); }) delta_.prepare(c.context, value_);
    if constexpr (requires { delta_.penalty(c.context, value_); }) sum += delta_.penalty(c.context, value_);
    worker_.space.clear();
    for (std::size_t m = 0; m < modules_.size(); ++m) {
      Context<double, E> here{worker_, &batch_, modules_[m].layer, options_.training, options_.seed, batch_.example, batch_.positions, &frozen_[m]};
      sum += one(here, m, backwards);
    }
    return sum;
  }

  double one(Context<double, E>& c, std::size_t m, int backwards) {
    auto& p = value_.modules[m];
    auto& g = gradient_.modules[m];
    typename D::template Kept<V> kept;
    const auto functional = [&](const auto& like, std::uint64_t key) { return Tens::random(rows(like), cols(like), 1000 * (m + 1) + key); };
    const auto measured = [&](C y, std::uint64_t key) {
      Tens copy(rows(y), cols(y));
      copy.set(host_copy<double, E>(y));
      return dot(copy, functional(y, key));
    };
    const auto add = [&](V into, std::uint64_t key) {
      if (!empty(into)) ops::add(worker_, into, functional(into, key).read());
    };
    if constexpr (D::route == Route::branch) {
      Tens y = base_[m], dx(rows(x_[m].view), cols(x_[m].view), 0.25), poison = x_[m];
      y = Tens(rows(base_[m].view), cols(base_[m].view));
      y.set(base_[m]);
      delta_.forward(c, std::as_const(p), x_[m].read(), y.view, kept);
      if (backwards > 0) {
        // Backward may read x only where the delta says that it keeps it.
        poison = Tens(rows(dx.view), cols(dx.view), std::numeric_limits<double>::quiet_NaN());
        const C x = keep_of<D>() == Keep::input ? x_[m].read() : poison.read();
        const Tens dy = functional(y.view, 0);
        const std::conditional_t<rescales<D>(), V, C> from = dy.view;
        delta_.backward(c, std::as_const(p), x, from, std::as_const(kept), g, backwards == 1 ? dx.view : V());
        if (backwards == 1 && rescales<D>()) base_gradient_.push_back(dy.host());
        if (backwards == 1) {
          input_gradient_.push_back(dx.host());
          for (double& v : input_gradient_.back()) v -= 0.25;
        }
      }
      return measured(y.view, 0);
    } else if constexpr (D::route == Route::post || D::route == Route::pre) {
      Tens h(rows(base_[m].view), cols(base_[m].view)), dh = functional(h.view, 0);
      h.set(base_[m]);
      delta_.forward(c, std::as_const(p), h.view, kept);
      const double value = measured(h.view, 0);
      if (backwards > 0) {
        h.set(std::numeric_limits<double>::quiet_NaN());
        delta_.backward(c, std::as_const(p), dh.view, std::as_const(kept), g);
        if (backwards == 1) input_gradient_.push_back(dh.host());
      }
      return value;
    } else if constexpr (D::route == Route::weight) {
      const auto w = delta_.weights(std::as_const(p), frozen_[m]);
      const auto into = delta_.gradient(g);
      if (backwards > 0) add(into.w, 0), add(into.b, 1);
      return (empty(into.w) ? 0 : measured(w.w, 0)) + (empty(into.b) ? 0 : measured(w.b, 1));
    } else if constexpr (D::route == Route::prefix) {
      const auto kv = delta_.keys_values(p);
      const auto into = delta_.keys_values(g);
      if (backwards > 0) add(into.k, 0), add(into.v, 1);
      return measured(kv.k, 0) + measured(kv.v, 1);
    } else if constexpr (D::route == Route::input) {
      if (backwards > 0) add(delta_.rows(g), 0);
      require(rows(delta_.rows(p)) == delta_.count(), "count() is ", delta_.count(), ", rows() has ", rows(delta_.rows(p)));
      return measured(delta_.rows(p), 0);
    } else {
      Tens last = base_[m];
      last = Tens(rows(base_[m].view), cols(base_[m].view));
      last.set(base_[m]);
      delta_.begin(c, std::as_const(p), kept, depth);
      for (int layer = -1; layer < depth; ++layer) {
        c.layer = layer;
        const Tens hidden = Tens::random(rows(last.view), cols(last.view), 50 + static_cast<std::uint64_t>(layer));
        delta_.tap(c, std::as_const(p), kept, layer, hidden.read());
      }
      c.layer = -1;
      delta_.correct(c, std::as_const(p), kept, last.view);
      if (backwards > 0) delta_.backward(c, std::as_const(p), kept, functional(last.view, 0).read(), g);
      return measured(last.view, 0);
    }
  }

  const D& delta_;
  const CheckOptions& options_;
  Site site_;
  nn::Shape shape_;
  std::vector<Module> modules_;
  Layout layout_;
  Kokkos::View<double*, typename E::memory_space> values_, gradients_;
  All<D, V> value_, gradient_;
  Worker<E> worker_, once_, batch_worker_ = roomy_worker<E>();
  std::vector<Tens> x_, base_, weight_, bias_, dx_;
  std::vector<Weights<C>> frozen_;
  std::vector<std::vector<double>> input_gradient_, base_gradient_;
  std::vector<std::int32_t> offsets_, ids_, types_, slots_;
  std::vector<std::int64_t> examples_;
  std::vector<int> staging_;
  Packed batch_;
};

/// The gradients of a delta of any route, alone, for every parameter and every input, over several shapes: `prepare`,
/// `finish` and `regularise` (where there is a `penalty`) included. In double.
template <class D, ExecutionSpace E = Host>
Gradcheck gradcheck(const D& delta = {}, const CheckOptions& options = {}) {
  static_assert(IsDelta<D>, "peft::testing::gradcheck: this type is no complete delta (peft/concepts.hpp)");
  Gradcheck result;
  for (const CheckShape& shape : options.shapes) result.add(DeltaCheck<D, E>(delta, shape, options).run());
  return std::move(result).closed();
}

/// The same for a gate, in the middle of a LoRA.
template <class G, ExecutionSpace E = Host>
Gradcheck gradcheck_gate(const G& gate = {}, const CheckOptions& options = {}) {
  LoRA<3, G> lora;
  lora.gate = gate;
  return gradcheck<LoRA<3, G>, E>(lora, options);
}

}  // namespace peft::testing
