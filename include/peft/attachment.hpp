// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <peft/method.hpp>

namespace peft {

/// Where one delta sits on a loaded backbone.
struct Placement {
  std::vector<Module> modules;
  std::vector<int> index;         // [site * (layers + 1) + layer + 1] -> module, or -1
  std::size_t first_field = 0;    // of the layout; the shared tensors come first
  int layers = 0;

  int find(Site site, int layer) const {
    return index[static_cast<std::size_t>(site) * (layers + 1) + static_cast<std::size_t>(layer + 1)];
  }
};

/// Where a delta may sit, and what the backbone has there.
struct Places {
  SiteSet sites, mask;
  LayerRange chosen;               // at run time
  std::vector<LayerRange> ranges;  // of the type; none: every layer
  const std::optional<std::set<std::string>>& only;
  int layers;
  std::function<bool(Site, int layer)> has;
  std::function<Module(Site, int layer)> module;
  std::function<bool(const Module&)> attaches{};  // does the delta want it? Absent: all
};
/// Fails when a run-time choice (layers, mask, names) leaves the delta with no place.
Placement place(const Places& places);
/// No place at all.
Placement nowhere(int layers);

/// The tensors of a whole method, as views into one buffer: values, or gradients.
template <class M, class V>
struct TensorsOf;
template <class... P, class V>
struct TensorsOf<Method<P...>, V> {
  std::tuple<All<typename P::type, V>...> all;
};

/// A method's places on backbones of one shape: its modules and the list of its tensors. Holds nothing of a backbone.
template <class Backbone, class M>
class Attachment {
 public:
  using Plain = typename M::Plain;
  static_assert(places_fit<Backbone, Plain>());
  using T = typename Backbone::Scalar;
  using E = typename Backbone::Space;
  using Tensors = TensorsOf<Plain, Mat<T, E>>;
  static_assert(count_route<Plain, Route::input>() <= 1, "peft::Method: one input delta at the most");
  static_assert(count_route<Plain, Route::prefix>() <= 1, "peft::Method: one prefix delta at the most");
  static constexpr std::size_t size = Plain::size;
  template <std::size_t i>
  using D = typename Plain::template type<i>;

  /// Lists every tensor into `layout`. Fails when a run-time choice (layers, mask) leaves a delta with no place.
  Attachment(const Backbone& backbone, const M& method, Layout& layout) : method_(method), shape_(backbone.shape()) {
    for_each_delta<Plain>([&](auto i) {
      const auto& part = std::get<i>(method_.deltas);
      constexpr auto ranges = Plain::template places<i>::ranges();
      Places places{sites_of<Backbone, Plain, i>(),
                    part.mask,
                    part.layers,
                    {ranges.begin(), ranges.end()},
                    part.only,
                    backbone.layers(),
                    [&](Site s, int layer) { return backbone.has(s, layer); },
                    [&](Site s, int layer) { return backbone.module(s, layer); }};
      places.attaches = [&](const Module& m) { return hooks::attaches(part.delta, m); };
      Placement& p = placements_[i] = place(places);
      if constexpr (has(needs_of<D<i>>(), Need::biases) && !adds_biases<Plain>())
        require(!p.modules.empty(), backbone.folder(),
                ": this checkpoint has no biases to train at the delta's places: AddedBias adds some there");
      p.first_field = layout.fields().size();
      if (p.modules.empty()) return;
      if constexpr (HasShared<D<i>, Mat<T, E>>) {
        Fields<T, E> fields(layout, "shared");
        typename D<i>::template Shared<Mat<T, E>> shared;
        declare_shared(part.delta, fields, shared, shape_, p.modules);
      }
      for (const Module& m : p.modules) {
        Fields<T, E> fields(layout, m.path);
        typename D<i>::template Params<Mat<T, E>> params;
        part.delta.declare(fields, params, m);
      }
      hooks::require_derived<D<i>>(layout, p.first_field);
    });
  }

  /// The method nowhere on the backbone: no modules and no tensors.
  Attachment(const Backbone& backbone, const M& method) : method_(method), shape_(backbone.shape()) {
    placements_.fill(nowhere(backbone.layers()));
  }

  /// The method's tensors inside a buffer of `length` elements laid out as `layout`.
  Tensors bind(const Layout& layout, T* buffer, std::int64_t length) const {
    Tensors tensors;
    for_each_delta<Plain>([&](auto i) {
      const auto& part = std::get<i>(method_.deltas);
      auto& all = std::get<i>(tensors.all);
      if (placements_[i].modules.empty()) return;
      Fields<T, E> fields(layout, placements_[i].first_field, buffer, length);
      if constexpr (HasShared<D<i>, Mat<T, E>>)
        declare_shared(part.delta, fields, all.shared, shape_, placements_[i].modules);
      all.modules.resize(placements_[i].modules.size());
      for (std::size_t k = 0; k < all.modules.size(); ++k)
        part.delta.declare(fields, all.modules[k], placements_[i].modules[k]);
      hooks::share(part.delta, all);
    });
    return tensors;
  }

  template <std::size_t i>
  const D<i>& delta() const {
    return std::get<i>(method_.deltas).delta;
  }
  /// To change a hyper-parameter between steps that no tensor's shape or meaning depends on (the strength of a gate).
  template <std::size_t i>
  D<i>& delta() {
    return std::get<i>(method_.deltas).delta;
  }
  const Placement& placement(std::size_t i) const { return placements_[i]; }
  const M& method() const { return method_; }
  /// Of the backbones that it fits.
  const typename Backbone::Shape& shape() const { return shape_; }
  /// Throws Error unless the backbone has every module, of the same extents.
  void require_fits(const Backbone& backbone) const {
    for (const Placement& p : placements_)
      for (const Module& m : p.modules) {
        require(m.layer < backbone.layers() && backbone.has(m.site, m.layer), backbone.folder(),
                ": the adapter sits on ", m.path, ", which this backbone has not");
        const Module now = backbone.module(m.site, m.layer);
        require(now.in == m.in && now.out == m.out && now.path == m.path, backbone.folder(), ": ", now.path, " takes ",
                now.in, " numbers and gives ", now.out, "; the adapter was made for ", m.path, ", which takes ", m.in,
                " and gives ", m.out);
      }
  }

  /// Rows that an input delta puts before every sequence.
  Extent input_rows() const {
    Extent n = 0;
    for_each_delta<Plain>([&](auto i) {
      if constexpr (D<i>::route == Route::input)
        if (!placements_[i].modules.empty()) n += delta<i>().count();
    });
    return n;
  }
  /// Keys and values that a prefix delta puts before every sequence's; the same number wherever it sits.
  Extent prefix_rows(const Tensors& tensors) const {
    Extent n = 0;
    for_each_delta<Plain>([&](auto i) {
      if constexpr (D<i>::route == Route::prefix) {
        for (std::size_t m = 0; m < placements_[i].modules.size(); ++m) {
          auto p = std::get<i>(tensors.all).modules[m];
          const Extent here = rows(delta<i>().keys_values(p).k);
          require(n == 0 || n == here, placements_[i].modules[m].path, ": a prefix of ", here, " rows, ", n,
                  " elsewhere");
          n = here;
        }
      }
    });
    return n;
  }

  /// The lowest of the layers [begin, end) that a delta of the backbone's own sits in; `none` when there is no such
  /// layer.
  int first_layer(int begin, int end) const {
    int first = none;
    each_below_head([&](const Module& m) {
      if (begin <= m.layer && m.layer < end) first = std::min(first, m.layer);
    });
    return first;
  }
  /// Does a delta sit below the layers: on tables, the norm of embeddings, or as rows put before them?
  bool below_layers() const {
    bool found = false;
    each_below_head([&](const Module& m) { found = found || m.layer < 0; });
    return found;
  }
  static constexpr int none = 1 << 30;

 private:
  template <class F>
  void each_below_head(F&& f) const {
    for_each_delta<Plain>([&](auto i) {
      if constexpr (D<i>::route != Route::side)
        for (const Module& m : placements_[i].modules)
          if (m.site != Site::pooler && m.site != Site::lm_head) f(m);
    });
  }

  M method_;
  std::array<Placement, size == 0 ? 1 : size> placements_;
  typename Backbone::Shape shape_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/attachment.ipp>
#endif
