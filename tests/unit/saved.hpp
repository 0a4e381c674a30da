// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/delta_file.hpp>
#include <peft/io/peft_adalora.hpp>
#include <peft/io/peft_ia3.hpp>
#include <peft/io/peft_prompt.hpp>
#include <peft/io/peft_vera.hpp>
#include <peft/model/peft_files.hpp>
#include <peft/task/language_model.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "any_engine.hpp"
#include "engine_tiny.hpp"
#include "io_temporary.hpp"

/// A saved delta is the trained one: a model is trained and saved; another, which began elsewhere, loads it, gives the
/// same logits, and trains on with the same losses as the first.
namespace saved {

using namespace peft;

/// In which files a method is: in our own, bit for bit, in PEFT's, within rounding, or in both, of which `load` takes
/// ours.
enum class In { own, peft, both };

/// A model without its type.
struct AnyModel {
  untyped::AnyEngine& engine;
  std::function<std::vector<float>()> logits;
};

/// Trains a model whose numbers are all away from where they began, as if it were in the middle of a run.
void train_first(const AnyModel& model, const Batch& batch);
/// The same logits; the same losses on the way to the end of the run, the same numbers then.
void expect_same(const AnyModel& trained, const AnyModel& loaded, const Batch& batch, In in);

template <class Task, class Backbone, class Method>
void check_on(const std::shared_ptr<const Backbone>& backbone, const Method& method, const Task& task,
              const Batch& batch, In in) {
  using M = Model<Backbone, Method, Task>;
  M model(backbone, method, task, 3), fresh(backbone, method, task, 77);
  Engine<M> engine(model, 1), other(fresh, 1);
  untyped::EngineOn<M> one(engine), two(other);
  const AnyModel trained{one, [&] { return engine.predict(batch); }}, loaded{two, [&] { return other.predict(batch); }};
  train_first(trained, batch);
  const Temporary folder;
  save(model, folder.path());
  CHECK(has_delta(folder.path()) == (in != In::peft));
  CHECK(std::filesystem::exists(folder / "adapter_model.safetensors") == (in != In::own));
  two.prepare(0, false);
  CHECK(trained.logits() != loaded.logits());
  CHECK(load(fresh, folder.path()).empty());
  expect_same(trained, loaded, batch, in);
}

/// On a BERT with dropout, and three classes.
template <class Method>
void check(const Method& method, In in) {
  check_on(tiny::bert<float, Space>({}, 0.1), method, Classify{3}, tiny::batch({2, 7, 3, 12}), in);
}

// Gates that do not scale.

/// The largest |h| of every row, two of them, each with a factor of its rank.
struct Largest {
  static constexpr bool scales = false;

  int kept = 2;

  template <class V>
  struct Params {
    V s;  // (1, r)
  };
  void declare(auto& fields, auto& p, Extent r) const { fields.vector("top", p.s, r, constant_of(1)); }
  void settings(auto&& says) const { says("kept", kept); }
  auto forward(auto& c, const auto& p, auto h) const {
    auto y = c.temp(rows(h), cols(h));
    where_largest(c, h, h, y);
    ops::scale_columns(c.w, y, constant(y), constant(p.s));
    return constant(y);
  }
  void backward(auto& c, const auto& p, auto h, auto dh, auto& g) const {
    where_largest(c, h, constant(dh), dh);
    ops::add_column_dots(c.w, g.s, h, constant(dh));
    ops::scale_columns(c.w, dh, constant(dh), constant(p.s));
  }

 private:
  /// y = x where |h| is among the largest of its row, else 0.
  void where_largest(auto& c, auto h, auto x, auto y) const {
    const int most = kept;
    ops::for_rows(
        c.w, "largest", rows(h), KOKKOS_LAMBDA(Extent i) {
          for (Extent j = 0; j < cols(h); ++j) {
            int larger = 0;
            for (Extent k = 0; k < cols(h); ++k) larger += Kokkos::abs(h(i, k)) > Kokkos::abs(h(i, j));
            y(i, j) = larger < most ? x(i, j) : 0;
          }
        });
  }
};

/// tanh(h), without tensors.
struct Squash {
  static constexpr bool scales = false;

  template <class V>
  struct Params {};
  void declare(auto&, auto&, Extent) const {}
  auto forward(auto& c, const auto&, auto h) const {
    auto y = c.temp(rows(h), cols(h));
    ops::copy(c.w, y, h);
    ops::activate(c.w, y, decltype(y)(), ops::Tanh{});
    return constant(y);
  }
  void backward(auto& c, const auto&, auto h, auto dh, auto&) const {
    auto y = c.temp(rows(h), cols(h)), slope = c.temp(rows(h), cols(h));
    ops::copy(c.w, y, h);
    ops::activate(c.w, y, slope, ops::Tanh{});
    ops::multiply(c.w, dh, constant(dh), constant(slope));
  }
};

}  // namespace saved
