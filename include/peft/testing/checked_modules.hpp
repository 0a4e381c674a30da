// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <peft/concepts.hpp>
#include <peft/nn/packed.hpp>
#include <peft/ops/map.hpp>
#include <peft/testing/gradcheck_op.hpp>

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
  int every = 1;             // of each tensor the first of so many numbers is changed; 1: all are
};

/// What a check of a delta, alone, must know of its type.
struct CheckedDelta {
  Route route;
  Kind fits;
  bool keeps_input, rescales;
};

/// Modules of one shape with random tensors everywhere, and all of a delta's check that is the same for every delta.
template <ExecutionSpace E>
class CheckedModules {
 public:
  using V = Mat<double, E>;
  using C = Mat<const double, E>;
  using Tens = Tensor<double, E>;

  virtual ~CheckedModules() = default;

  Gradcheck run() {
    initialise();
    Gradcheck result;
    // Twice: gradients are added to, so both are half of what is there then. The second time without dx where that may
    // be.
    total(1);
    total(2);
    Context<double, E> at_end = context();
    finish(at_end);
    std::vector<double> all = host_gradients();
    for (double& g : all) g /= 2;
    Kokkos::deep_copy(gradients_, 0.);
    Context<double, E> of_penalty = context();
    regularise(of_penalty);
    const std::vector<double> more = host_gradients();
    for (std::size_t i = 0; i < all.size(); ++i) all[i] += more[i];
    const std::function<double()> loss = [&] { return total(0); };
    const auto check = [&](const std::string& name, double* values, const std::vector<double>& gradient) {
      compare<E>(result, name, values, gradient, options_.step, loss, static_cast<std::size_t>(options_.every));
    };
    for (const Field& f : layout_.fields())
      if (f.role == Role::trained)
        check(f.name, values_.data() + f.offset, {all.begin() + f.offset, all.begin() + f.offset + f.size()});
    const bool branch = delta_is_.route == Route::branch;
    for (std::size_t m = 0; m < input_gradient_.size(); ++m) {
      check(modules_[m].path + (branch ? ".x" : ".h"), (branch ? x_ : base_)[m].view.data(), input_gradient_[m]);
      if (delta_is_.rescales) check(modules_[m].path + ".y", base_[m].view.data(), base_gradient_[m]);
    }
    return std::move(result).closed();
  }

 protected:
  static constexpr int depth = 3;  // layers that a side net sees

  CheckedModules(const CheckedDelta& delta, const CheckShape& shape, const CheckOptions& options)
      : options_(options),
        delta_is_(delta),
        site_(options.site.value_or(first_site(delta.fits))),
        worker_(roomy_worker<E>()) {
    const bool square = !has(Kind::linear | Kind::table, info(site_).kind);
    const Extent in = square ? shape.out : shape.in, n = info(site_).per_layer ? options.modules : 1;
    once_.space.grow_when_full();
    shape_.layers = delta.route == Route::side ? depth : n;
    shape_.width = in;
    shape_.heads = 1;
    shape_.inner = shape.out;
    for (int layer = 0; layer < n; ++layer)
      modules_.push_back(
          {site_, info(site_).per_layer ? layer : -1, in, shape.out, true, cat("module.", layer), shape_});
    pack_rows(shape.rows);
    for (const Module& m : modules_) {
      const std::uint64_t key = 100 * static_cast<std::uint64_t>(m.layer + 2);
      const bool norm = info(site_).kind == Kind::norm, table = info(site_).kind == Kind::table;
      x_.push_back(Tens::random(shape.rows, in, key + 1));
      base_.push_back(Tens::random(shape.rows, shape.out, key + 2));
      weight_.push_back(Tens::random(norm ? 1 : table ? in : shape.out, table ? shape.out : in, key + 3, 0.5));
      bias_.push_back(Tens::random(1, shape.out, key + 4, 0.5));
      frozen_.push_back({weight_.back().read(), bias_.back().read()});
    }
  }

  /// After the layout's tensors are listed.
  void finish_layout() {
    layout_.finish();
    values_ = Buffer("peft::values", layout_.size());
    gradients_ = Buffer("peft::gradients", layout_.gradient_size());
  }

  // The delta's own part.
  virtual void prepare(Context<double, E>& c) = 0;
  virtual void finish(Context<double, E>& c) = 0;
  virtual double penalty(Context<double, E>& c) = 0;
  virtual void regularise(Context<double, E>& c) = 0;
  /// A number made of what the delta does on module m. `backwards`: see `total`.
  virtual double one(Context<double, E>& c, std::size_t m, int backwards) = 0;

  // `one` of each route.
  double branch(std::size_t m, int backwards, const std::function<void(C x, V y)>& forward,
                const std::function<void(C x, V dy, V dx)>& backward) {
    const Tens y = copy(base_[m]), dx(rows(x_[m].view), cols(x_[m].view), 0.25);
    forward(x_[m].read(), y.view);
    if (backwards > 0) {
      // Backward may read x only where the delta says that it keeps it.
      const Tens poison(rows(dx.view), cols(dx.view), std::numeric_limits<double>::quiet_NaN()),
          dy = functional(m, y.view, 0);
      backward(delta_is_.keeps_input ? x_[m].read() : poison.read(), dy.view, backwards == 1 ? dx.view : V());
      worker_.fence();  // before its operands go
      if (backwards == 1 && delta_is_.rescales) base_gradient_.push_back(dy.host());
      if (backwards == 1) {
        input_gradient_.push_back(dx.host());
        for (double& v : input_gradient_.back()) v -= 0.25;
      }
    }
    return measured(m, y.view, 0);
  }
  double map(std::size_t m, int backwards, const std::function<void(V h)>& forward,
             const std::function<void(V dh)>& backward) {
    Tens h = copy(base_[m]);
    const Tens dh = functional(m, h.view, 0);
    forward(h.view);
    const double value = measured(m, h.view, 0);
    if (backwards > 0) {
      h.set(std::numeric_limits<double>::quiet_NaN());
      backward(dh.view);
      worker_.fence();
      if (backwards == 1) input_gradient_.push_back(dh.host());
    }
    return value;
  }
  /// A tensor that the delta gives in place of the backbone's or beside it, and where its gradient goes; either may be
  /// empty.
  struct Given {
    C value;
    V gradient;
  };
  double given(std::size_t m, int backwards, std::initializer_list<Given> tensors) {
    double sum = 0;
    std::uint64_t key = 0;
    for (const Given& g : tensors) {
      if (backwards > 0 && !empty(g.gradient)) {
        const Tens r = functional(m, g.gradient, key);
        ops::add(worker_, g.gradient, r.read());
        worker_.fence();
      }
      if (!empty(g.value)) sum += measured(m, g.value, key);
      ++key;
    }
    return sum;
  }
  double side(std::size_t m, int backwards, const std::function<void(int layer, C hidden)>& tap,
              const std::function<void(V last)>& correct, const std::function<void(C dlast)>& backward) {
    const Tens last = copy(base_[m]);
    std::vector<Tens> hidden;
    for (int layer = -1; layer < depth; ++layer) {
      hidden.push_back(Tens::random(rows(last.view), cols(last.view), 50 + static_cast<std::uint64_t>(layer)));
      tap(layer, hidden.back().read());
    }
    correct(last.view);
    const Tens r = functional(m, last.view, 0);
    if (backwards > 0) backward(r.read());
    worker_.fence();
    return measured(m, last.view, 0);
  }

  const CheckOptions& options_;
  CheckedDelta delta_is_;
  Site site_;
  nn::Shape shape_;
  std::vector<Module> modules_;
  Layout layout_;
  using Buffer = Kokkos::View<double*, typename E::memory_space>;
  Buffer values_, gradients_;
  std::vector<Weights<C>> frozen_;

 private:
  static Site first_site(Kind fits) {
    for (const SiteInfo& s : site_table)
      if (has(fits, s.kind) && (s.site != Site::attention)) return s.site;
    return Site::query;
  }

  /// Trained tensors are random whatever they begin as, so that no gradient vanishes; state begins as declared.
  void initialise() {
    for (const Field& f : layout_.fields()) {
      if (f.role == Role::derived) continue;
      const bool given = f.role == Role::state && f.init.kind == Init::constant;
      Tens t = Tens::random(f.rows, f.cols, rng::combine(options_.seed, f.name), 0.7);
      if (given) t.set(f.init.scale);
      Kokkos::deep_copy(Kokkos::subview(values_, std::make_pair(f.offset, f.offset + f.size())),
                        Kokkos::View<const double*, typename E::memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(
                            t.view.data(), t.size()));
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

  Context<double, E> context() {
    once_.space.clear();
    Context<double, E> c{once_};
    c.seed = options_.seed;
    c.training = options_.training;
    c.frozen = frozen_.data();
    return c;
  }

  std::vector<double> host_gradients() const {
    Kokkos::fence("peft::testing");
    return downloaded<E>(gradients_.data(), gradients_.size());
  }

  /// The number whose gradient is checked. `backwards`: 1 with the gradient of the input, 2 without, 0 neither.
  double total(int backwards) {
    Context<double, E> c = context();
    prepare(c);
    double sum = penalty(c);
    worker_.space.clear();
    for (std::size_t m = 0; m < modules_.size(); ++m) {
      Context<double, E> here{worker_,       &batch_,        modules_[m].layer, options_.training,
                              options_.seed, batch_.example, batch_.positions,  &frozen_[m]};
      sum += one(here, m, backwards);
    }
    return sum;
  }

  static Tens copy(const Tens& of) {
    Tens made(rows(of.view), cols(of.view));
    made.set(of);
    return made;
  }
  Tens functional(std::size_t m, C like, std::uint64_t key) const {
    return Tens::random(rows(like), cols(like), 1000 * (m + 1) + key);
  }
  double measured(std::size_t m, C y, std::uint64_t key) const {
    Tens copy(rows(y), cols(y));
    copy.set(host_copy<double, E>(y));
    return dot(copy, functional(m, y, key));
  }

  Worker<E> worker_, once_, batch_worker_ = roomy_worker<E>();
  std::vector<Tens> x_, base_, weight_, bias_;
  std::vector<std::vector<double>> input_gradient_, base_gradient_;
  std::vector<std::int32_t> offsets_, ids_, types_, slots_;
  std::vector<std::int64_t> examples_;
  std::vector<int> staging_;
  Packed batch_;
};

#ifdef PEFT_SEPARATE
extern template class CheckedModules<Host>;  // in checked_modules.ipp
#endif

}  // namespace peft::testing
