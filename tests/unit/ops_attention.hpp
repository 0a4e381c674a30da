// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/attention.hpp>
#include <peft/testing/gradcheck_op.hpp>

#include <cmath>
#include <ostream>
#include <vector>

#include "catch.hpp"

using namespace peft;
template <class T>
using Tens = testing::Tensor<T>;

/// Sequences of `queries[i]` query rows and `keys[i]` key rows.
struct Case {
  std::vector<int> queries, keys;
  Extent heads, width;  // of one head
  bool causal = false;
  double dropout = 0;
  Extent key_heads = 0;
  int spare = 0;     // rows between the keys of a sequence and those of the next
  Extent prefix = 0;
};
inline std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.queries[0] << " queries of " << c.keys[0] << " keys, " << c.heads << " heads of " << c.width
             << " over " << c.key_heads << (c.causal ? ", causal" : "") << ", dropout " << c.dropout << ", spare "
             << c.spare << ", prefix " << c.prefix;
}

/// Attention over such sequences with random operands. Rows that belong to no sequence hold numbers that would be
/// noticed.
template <class T>
struct Attention {
  Case c;
  std::vector<int> q_offsets{0}, k_offsets{0}, k_ends, q_segment, k_segment, example, position;
  Extent n = 0, m = 0, d, kd;
  ops::Segments s;
  Dropout drop;
  Tens<T> q, k, v, out, lse;
  Worker<Host> w = testing::roomy_worker(1 << 26);

  explicit Attention(const Case& given, std::uint64_t seed = 1)
      : c(given),
        d(given.heads * given.width),
        kd((given.key_heads > 0 ? given.key_heads : given.heads) * given.width) {
    for (std::size_t i = 0; i < c.queries.size(); ++i) {
      q_offsets.push_back(n += c.queries[i]);
      k_ends.push_back(m + c.keys[i]);
      k_offsets.push_back(m += c.keys[i] + c.spare);
      s.longest_keys = std::max(s.longest_keys, c.keys[i]);
      for (int t = 0; t < c.queries[i]; ++t)
        example.push_back(static_cast<int>(i)), position.push_back(t), q_segment.push_back(static_cast<int>(i));
      k_segment.insert(k_segment.end(), static_cast<std::size_t>(c.keys[i] + c.spare), static_cast<int>(i));
    }
    s.sequences = static_cast<Extent>(c.queries.size());
    s.heads = c.heads;
    s.scale = 1 / std::sqrt(double(c.width));
    s.causal = c.causal;
    s.q_offsets = q_offsets.data();
    s.k_offsets = k_offsets.data();
    s.q_segment = q_segment.data();
    s.k_segment = k_segment.data();
    s.key_heads = c.key_heads;
    if (c.spare > 0) s.k_ends = k_ends.data();
    s.prefix = c.prefix;
    if (c.dropout > 0)
      drop = {11, static_cast<std::uint32_t>(c.dropout * 4294967296.), 1 / (1 - c.dropout), example.data(),
              position.data()};
    q = Tens<T>::random(n, d, seed);
    k = Tens<T>::random(m, kd, seed + 1);
    v = Tens<T>::random(m, kd, seed + 2);
    for (Extent row = 0; row < m; ++row)
      if (row >= k_ends[static_cast<std::size_t>(k_segment[static_cast<std::size_t>(row)])])
        for (Extent a = 0; a < kd; ++a) k.view(row, a) = v.view(row, a) = T(1000);
    out = Tens<T>(n, d);
    lse = Tens<T>(n, c.heads);
  }
  template <class Bias = ops::NoBias>
  void forward(bool keep = true, const Bias& bias = {}) {
    ops::attention(w, s, q.read(), k.read(), v.read(), out.view, keep ? lse.view : Mat<T>(), drop, bias);
  }

  /// Runs f(sequence, query row, head, key rows, probabilities before dropout), by the definition, in double;
  /// more(query row, key row, head, key head, query's position - key's position) is added to a score before its scale.
  template <class More, class F>
  void each(const More& more, const F& f) const {
    const Extent group = c.heads * c.width / kd;
    for (Extent b = 0; b < s.sequences; ++b)
      for (Extent i = q_offsets[b]; i < q_offsets[b + 1]; ++i)
        for (Extent h = 0; h < c.heads; ++h) {
          const Extent own = i - q_offsets[b], keys = c.keys[b], begin = k_offsets[b];
          const Extent seen = c.causal ? keys - c.queries[b] + own + 1 : keys,
                       stands = own + (c.causal ? keys - c.queries[b] : c.prefix);
          std::vector<double> p;
          double sum = 0;
          for (Extent j = 0; j < seen; ++j) {
            double x = more(i, begin + j, h, h / group, stands - j);
            for (Extent a = 0; a < c.width; ++a)
              x += double(q.view(i, h * c.width + a)) * k.view(begin + j, h / group * c.width + a);
            p.push_back(std::exp(x * s.scale));
            sum += p.back();
          }
          for (double& x : p) x /= sum;
          f(b, i, h, begin, p);
        }
  }
  template <class More>
  std::vector<double> reference(const More& more) const {
    const Extent group = c.heads * c.width / kd;
    std::vector<double> y(static_cast<std::size_t>(n) * d);
    each(more, [&](Extent, Extent i, Extent h, Extent begin, const std::vector<double>& p) {
      for (std::size_t j = 0; j < p.size(); ++j) {
        double x = p[j];
        if (drop.active())
          x = drop.keeps(ops::attention_row(drop, i, h), static_cast<std::uint32_t>(j)) ? x * drop.scale : 0;
        for (Extent a = 0; a < c.width; ++a)
          y[static_cast<std::size_t>(i) * d + h * c.width + a] +=
              x * v.view(begin + static_cast<Extent>(j), h / group * c.width + a);
      }
    });
    return y;
  }
  std::vector<double> reference() const {
    return reference([](Extent, Extent, Extent, Extent, Extent) { return 0.; });
  }
};

/// The largest difference of two lists of numbers.
template <class A, class B>
double difference(const std::vector<A>& a, const std::vector<B>& b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = std::abs(double(a[i]) - double(b[i]));
    worst = x <= worst ? worst : x;  // NaN stays
  }
  return worst;
}

/// A table of a bias and where its gradient goes.
struct BiasTable {
  const char* name;
  Tens<double>& value;
  Tens<double>& gradient;
};

/// Backward is the derivative of forward for q, k, v and the tables; gradients may be absent or take their operands'
/// place; what a device would do gives the same.
template <class Bias>
void check_backward(Attention<double>& a, const Bias& bias, const std::vector<BiasTable>& tables) {
  INFO(a.c);
  using None = Mat<double>;
  Tens<double> r = Tens<double>::random(a.n, a.d, 9), dq(a.n, a.d), dk(a.m, a.kd), dv(a.m, a.kd);
  const auto run = [&](Mat<double> to_q, Mat<double> to_k, Mat<double> to_v) {
    for (const BiasTable& t : tables) t.gradient.set(0);
    ops::attention_backward(a.w, a.s, a.q.read(), a.k.read(), a.v.read(), a.lse.read(), r.read(), to_q, to_k, to_v,
                            a.drop, bias);
  };
  const auto loss = [&] {
    a.forward(false, bias);
    return testing::dot(a.out, r);
  };
  const auto backward = [&] {
    a.forward(true, bias);
    run(dq.view, dk.view, dv.view);
  };
  std::vector<testing::Checked<>> inputs{{"q", a.q, dq}, {"k", a.k, dk}, {"v", a.v, dv}};
  for (const BiasTable& t : tables) inputs.push_back({t.name, t.value, t.gradient});
  const auto result = testing::gradcheck_op(loss, backward, inputs);
  INFO(result);
  CHECK(result.worst < 1e-6);
  for (std::size_t i = 0; a.m > 1 && a.n < 20 && i < inputs.size(); ++i) {
    auto& gradient = const_cast<Tens<double>&>(inputs[i].gradient);
    const auto flipped = [&] {
      backward();
      ops::axpby<Host, double>(a.w, -1, gradient.read(), 0, gradient.view);
    };
    INFO(inputs[i].name);
    CHECK(testing::gradcheck_op(loss, flipped, {{inputs[i].name, inputs[i].value, gradient}}).worst > 1e-2);
  }

  backward();
  std::vector<std::vector<double>> wanted;
  for (const BiasTable& t : tables) wanted.push_back(t.gradient.host());
  // Table gradients are added to.
  ops::attention_backward(a.w, a.s, a.q.read(), a.k.read(), a.v.read(), a.lse.read(), r.read(), dq.view, dk.view,
                          dv.view, a.drop, bias);
  for (std::size_t i = 0; i < tables.size(); ++i) {
    ops::axpby<Host, double>(a.w, 0.5, tables[i].gradient.read(), 0, tables[i].gradient.view);
    CHECK(difference(tables[i].gradient.host(), wanted[i]) < 1e-12);
  }

  // What a device runs, run here.
  {
    Tens<double> out(a.n, a.d), lse(a.n, a.c.heads), q(a.n, a.d), k(a.m, a.kd), v(a.m, a.kd);
    for (const BiasTable& t : tables) t.gradient.set(0);
    ops::attention_device<Host, double>(a.w, a.s, a.q.read(), a.k.read(), a.v.read(), out.view, lse.view, a.drop, bias);
    ops::attention_backward_device<Host, double>(a.w, a.s, a.q.read(), a.k.read(), a.v.read(), lse.read(), r.read(),
                                                 q.view, k.view, v.view, a.drop, bias);
    CHECK(difference(out.host(), a.out.host()) < 1e-12);
    CHECK(difference(lse.host(), a.lse.host()) < 1e-12);
    CHECK(difference(q.host(), dq.host()) < 1e-11);
    CHECK(difference(k.host(), dk.host()) < 1e-11);
    CHECK(difference(v.host(), dv.host()) < 1e-11);
    for (std::size_t i = 0; i < tables.size(); ++i) CHECK(difference(tables[i].gradient.host(), wanted[i]) < 1e-11);
  }

  // Absent gradients change nothing else, and results may take their operands' place; rows of no sequence stay.
  Tens<double> only_v(a.m, a.kd), only_q(a.n, a.d), again(a.m, a.kd);
  run(None(), None(), only_v.view);
  CHECK(only_v.host() == dv.host());
  for (std::size_t i = 0; i < tables.size(); ++i) CHECK(tables[i].gradient.host() == wanted[i]);
  run(only_q.view, None(), again.view);
  CHECK(only_q.host() == dq.host());
  const auto with_spare_rows = [&](const Tens<double>& gradient) {
    auto values = gradient.host();
    for (Extent row = 0; row < a.m; ++row)
      if (row >= a.k_ends[static_cast<std::size_t>(a.k_segment[static_cast<std::size_t>(row)])])
        for (Extent c = 0; c < a.kd; ++c) values[static_cast<std::size_t>(row) * a.kd + c] = 1000;
    return values;
  };
  run(a.q.view, a.k.view, a.v.view);
  CHECK(a.q.host() == dq.host());
  CHECK(a.k.host() == with_spare_rows(dk));
  CHECK(a.v.host() == with_spare_rows(dv));
  for (std::size_t i = 0; i < tables.size(); ++i) CHECK(tables[i].gradient.host() == wanted[i]);
}
