// SPDX-License-Identifier: Apache-2.0
#include <peft/core/rng.hpp>
#include <peft/ops/embed.hpp>
#include <peft/ops/linear.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include "catch.hpp"
#include "io_temporary.hpp"

using namespace peft;

namespace {

/// A matrix, and the same numbers rounded to bf16, as bf16 and as T.
template <class T>
struct Rounded {
  std::vector<T> exact, numbers;
  std::vector<std::uint16_t> bits;
  Extent rows, cols;

  Rounded(Extent n, Extent d, std::uint64_t key) : rows(n), cols(d) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(n) * d; ++i) {
      exact.push_back(static_cast<T>(rng::normal(rng::mix(key), i)));
      bits.push_back(to_bf16(exact.back()));
      numbers.push_back(from_bf16(bits.back()));
    }
  }
  Weight<T> stored(bool lasting = true) const { return {bits.data(), DType::BF16, rows, cols, lasting}; }
  Mat<const T> plain() const { return Mat<const T>(numbers.data(), rows, cols); }
};

template <class T>
struct Numbers {
  std::vector<T> all;
  Mat<T> view;
  Numbers(Extent n, Extent d, std::uint64_t key) : all(Rounded<T>(n, d, key).exact), view(all.data(), n, d) {}
};

template <class T>
double difference(const std::vector<T>& a, const std::vector<T>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(double(a[i]) - double(b[i])));
  return most;
}

}  // namespace

TEMPLATE_TEST_CASE("a product with a weight of bf16 is that with its numbers", "[ops]", float, double) {
  using T = TestType;
  const double tolerance = std::is_same_v<T, float> ? 2e-4 : 1e-12;
  struct Shape {
    Extent n, out, in;
  };
  for (const Shape s : {Shape{1, 1, 1}, {3, 70, 33}, {20, 600, 1024}, {5, 3, ops::panel_size + 1}}) {
    INFO(s.n << " rows, " << s.in << " to " << s.out);
    const Rounded<T> W(s.out, s.in, 1);
    const Numbers<T> x(s.n, s.in, 2), b(1, s.out, 3), dy(s.n, s.out, 4);
    Numbers<T> y(s.n, s.out, 5), y_plain(s.n, s.out, 5), dx(s.n, s.in, 6), dx_plain(s.n, s.in, 6);
    Worker<Host> w;
    w.space.count();
    ops::linear(w, Mat<T>(nullptr, s.n, s.out), Mat<T>(nullptr, s.n, s.in), W.stored());
    const std::size_t planned = w.space.peak();
    w.space.reserve(planned);
    // A plan has room for a panel of the weight, not for all of it, and for none where it is T already.
    const std::size_t panel = static_cast<std::size_t>(std::max(ops::panel_size, s.in)) * sizeof(T);
    CHECK(planned <= panel + Workspace<Host>::alignment);
    CHECK(planned >= sizeof(T));
    ops::linear(w, y.view, x.view, W.stored(), b.view, 0.5);
    ops::linear(w, y_plain.view, x.view, W.plain(), b.view, 0.5);
    CHECK(difference(y.all, y_plain.all) < tolerance);
    ops::linear(w, y.view, x.view, W.stored());
    ops::linear(w, y_plain.view, x.view, W.plain());
    CHECK(difference(y.all, y_plain.all) < tolerance);
    ops::linear_backward(w, dx.view, dy.view, W.stored(), 2, 0.5);
    ops::linear_backward(w, dx_plain.view, dy.view, W.plain(), 2, 0.5);
    CHECK(difference(dx.all, dx_plain.all) < tolerance);
    ops::linear_backward(w, dx.view, dy.view, W.stored());
    ops::linear_backward(w, dx_plain.view, dy.view, W.plain());
    CHECK(difference(dx.all, dx_plain.all) < tolerance);
  }
}

TEST_CASE("a product with a plain weight is gemm's, bit for bit", "[ops]") {
  const Numbers<float> x(20, 70, 1), W(33, 70, 2), b(1, 33, 3), dy(20, 33, 4);
  Numbers<float> y(20, 33, 5), wanted(20, 33, 5), dx(20, 70, 6), dx_wanted(20, 70, 6);
  Worker<Host> w;  // without memory: nothing is taken
  ops::linear(w, y.view, x.view, W.view, b.view, 0.5);
  ops::broadcast_row(w, wanted.view, constant(b.view));
  ops::gemm(w, wanted.view, x.view, t(W.view), 0.5, 1);
  CHECK(y.all == wanted.all);
  ops::linear_backward(w, dx.view, dy.view, W.view, 1, 0.5);
  ops::gemm(w, dx_wanted.view, dy.view, W.view, 0.5, 1);
  CHECK(dx.all == dx_wanted.all);
  Numbers<float> slope(20, 33, 7), slope_wanted(20, 33, 7);
  ops::activated_linear(w, y.view, x.view, W.view, b.view, ops::Gelu{}, slope.view);
  ops::linear(w, wanted.view, x.view, W.view, b.view);
  ops::activate(w, wanted.view, slope_wanted.view, ops::Gelu{});
  CHECK(y.all == wanted.all);
  CHECK(slope.all == slope_wanted.all);
}

TEST_CASE("a table of words may be stored as bf16", "[ops]") {
  const Rounded<float> words(9, 20, 1);
  const Numbers<float> positions(4, 20, 2), rows(1, 20, 3);
  Numbers<float> y(4, 20, 4), wanted(4, 20, 4);
  const int ids[] = {8, -1, 0, 3}, places[] = {0, 1, 2, 3};
  Worker<Host> w;
  for (const bool placed : {false, true}) {
    const Mat<const float> at = placed ? constant(positions.view) : Mat<const float>();
    ops::embed(w, y.view, ids, places, nullptr, words.stored(), at, {}, rows.view);
    ops::embed(w, wanted.view, ids, places, nullptr, words.plain(), at, {}, rows.view);
    CHECK(y.all == wanted.all);
  }
}

TEST_CASE("a matrix that is stored otherwise is not read as plain numbers", "[ops]") {
  const Rounded<float> m(5, 4, 1);
  const Weight<float> stored = m.stored();
  CHECK(lacks(error_of([&] { stored.data(); }), {"(5, 4)", "BF16", "F32"}) == "");
  CHECK(lacks(error_of([&] { Weight<float>(nullptr, DType::I8, 1, 1, false); }), {"I8", "F32", "BF16"}) == "");
  CHECK(host_values(stored) == m.numbers);
  CHECK(host_values(slice(stored, 1, 3)) == std::vector<float>(m.numbers.begin() + 4, m.numbers.begin() + 12));
  CHECK(stored.bytes() == 40);
}

namespace {

/// A library of products that has a handle and packs weights.
struct Library {
  static inline int handles = 0, packed = 0;
  Library() { ++handles; }
  ~Library() { --handles; }
};
struct Packing {
  float first;
};

}  // namespace

TEST_CASE("a worker keeps a library's handle, and weights that last as it has prepared them, as long as itself",
          "[ops]") {
  const Rounded<float> one(3, 4, 1), other(3, 4, 2);
  const auto pack = [](const Weight<float>& weight) {
    ++Library::packed;
    return Packing{host_values(weight)[0]};
  };
  {
    Worker<Host> w;
    CHECK(Library::handles == 0);  // whoever asks for none has none
    Library* const handle = &w.libraries.of<Library>();
    CHECK(&w.libraries.of<Library>() == handle);
    CHECK(Library::handles == 1);
    for (int i = 0; i < 2; ++i) {
      CHECK(w.libraries.prepared<Packing>(one.stored(), pack).first == one.numbers[0]);
      CHECK(w.libraries.prepared<Packing>(other.stored(), pack).first == other.numbers[0]);
      CHECK(w.libraries.prepared<Packing>(slice(one.stored(), 1, 2), pack).first == one.numbers[4]);
    }
    CHECK(Library::packed == 3);
    // A weight that a delta trains is another one after every step.
    Numbers<float> trained(3, 4, 3);
    w.libraries.prepared<Packing>(Weight<float>(trained.view), pack);
    trained.all[0] = 5;
    CHECK(w.libraries.prepared<Packing>(Weight<float>(trained.view), pack).first == 5);
    Worker<Host> second;
    CHECK(&second.libraries.of<Library>() != handle);
    CHECK(Library::handles == 2);
  }
  CHECK(Library::handles == 0);
}
