// SPDX-License-Identifier: Apache-2.0
// Position biases against transformers 4.57 (PyTorch 2.15): T5Attention._relative_position_bucket and compute_bias,
// modeling_deberta_v2's make_log_bucket_position and DisentangledSelfAttention.
#include <peft/ops/bucket_bias.hpp>
#include <peft/ops/disentangled_bias.hpp>

#include "ops_attention.hpp"

namespace {

/// A bucket function as its borders: the first distance of every bucket.
int bucket_of(const std::vector<int>& first, int distance) {
  return static_cast<int>(std::upper_bound(first.begin(), first.end(), distance) - first.begin()) - 1;
}

/// Numbers that need no random generator: 1.5 sin(1.3 i + k).
Tens<double> wave(Extent rows, Extent cols, double k) {
  std::vector<double> values(static_cast<std::size_t>(rows) * cols);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.5 * std::sin(1.3 * static_cast<double>(i) + k);
  Tens<double> t(rows, cols);
  t.set(values);
  return t;
}

/// 14 tokens, two heads of 3; rows 0, 6 and 13 of the result.
template <class Bias>
std::vector<double> rows_of(const Bias& bias, double scale, bool causal) {
  Attention<double> a({{14}, {14}, 2, 3, causal});
  a.s.scale = scale;
  a.q.set(wave(14, 6, 1)), a.k.set(wave(14, 6, 2)), a.v.set(wave(14, 6, 3));
  a.forward(true, bias);
  const auto y = a.out.host();
  std::vector<double> some;
  for (const int row : {0, 6, 13}) some.insert(some.end(), y.begin() + row * 6, y.begin() + (row + 1) * 6);
  return some;
}

}  // namespace

TEST_CASE("T5's buckets") {
  struct Table {
    int buckets, max_distance;
    bool bidirectional;
    std::vector<int> first;
  };
  const Table tables[] = {
      {32, 128, true, {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91}},
      {32, 128, false, {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                        16, 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113}},
      {6, 12, true, {0, 1, 4}},
      {20, 77, true, {0, 1, 2, 3, 4, 5, 9, 15, 26, 45}},
      {16, 50, false, {0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 13, 16, 20, 26, 32, 40}},
  };
  for (const Table& t : tables)
    for (int distance = 0; distance < 1200; ++distance) {
      const int wanted = bucket_of(t.first, distance);
      INFO(distance << " of " << t.buckets << " buckets");
      REQUIRE(ops::t5_bucket(-distance, t.buckets, t.max_distance, t.bidirectional) == wanted);
      const int ahead = !t.bidirectional || distance == 0 ? 0 : t.buckets / 2 + wanted;
      REQUIRE(ops::t5_bucket(distance, t.buckets, t.max_distance, t.bidirectional) == ahead);
    }
}

TEST_CASE("DeBERTa's buckets") {
  // The first distance of buckets 129 and on, for 256 buckets of 512 positions, and of 17 and on for 32 of 128.
  const std::vector<int> large{
      129, 130, 131, 133, 134, 136, 137, 139, 140, 142, 143, 145, 146, 148, 150, 151, 153, 155, 156, 158, 160, 161,
      163, 165, 167, 169, 170, 172, 174, 176, 178, 180, 182, 184, 186, 188, 190, 192, 194, 196, 198, 201, 203, 205,
      207, 210, 212, 214, 216, 219, 221, 224, 226, 229, 231, 234, 236, 239, 241, 244, 247, 249, 252, 255, 258, 260,
      263, 266, 269, 272, 275, 278, 281, 284, 287, 290, 294, 297, 300, 303, 307, 310, 313, 317, 320, 324, 327, 331,
      335, 338, 342, 346, 349, 353, 357, 361, 365, 369, 373, 377, 381, 385, 390, 394, 398, 403, 407, 411, 416, 420,
      425, 430, 434, 439, 444, 449, 454, 459, 464, 469, 474, 479, 484, 490, 495, 500, 506, 512};
  const std::vector<int> small{17, 19, 22, 25,  28,  32,  37,  43,  49,  56, 64,
                               74, 84, 97, 111, 128, 146, 168, 193, 221, 254};
  const auto check = [](const std::vector<int>& shared, int size, int positions, int until) {
    for (int distance = 0; distance < until; ++distance) {
      const int wanted = distance <= size / 2 ? distance : size / 2 + 1 + bucket_of(shared, distance);
      INFO(distance << " of " << size << " buckets");
      REQUIRE(ops::deberta_bucket(distance, size, positions) == wanted);
      REQUIRE(ops::deberta_bucket(-distance, size, positions) == -wanted);
    }
  };
  check(large, 256, 512, 517);
  check(small, 32, 128, 291);
  CHECK(ops::deberta_bucket(-700, 0, 512) == -700);
}

TEST_CASE("T5's attention is that of transformers") {
  const Tens<double> table = wave(6, 2, 6);
  const std::vector<double> encoder{0.8014802,  -0.8074045, -1.2334397, 0.0353216, 1.2668631,  0.6424471,
                                    -1.1064598, -0.2806676, 0.9563033,  0.2685945, -1.0126272, -0.8103477,
                                    0.8276298,  -0.8671491, -1.2915525, 0.5413002, 1.2991719,  0.1537537};
  const std::vector<double> decoder{0.2116800,  -1.3742489, -0.9469000, 0.8676596,  1.4110958,  -0.1127267,
                                    -0.9532910, 0.0399263,  0.9746515,  -0.0595963, -1.1859002, -0.5748575,
                                    0.5277844,  -1.0537225, -1.0915234, 0.6480129,  1.3364373,  0.0669779};
  for (const bool causal : {false, true})
    CHECK(difference(rows_of(ops::BucketBias<double, Host>{table.read(), 6, 12, !causal}, 1, causal),
                     causal ? decoder : encoder) < 1e-6);
}

TEST_CASE("DeBERTa's attention is that of transformers") {
  // position_buckets 8: a table of 16 rows for buckets -8 .. 7, of which 14 tokens reach -6 .. 6.
  const Tens<double> pos_k = wave(16, 6, 4), pos_q = wave(16, 6, 5);
  const std::vector<double> both{0.4935181,  -0.6380453, -0.8348708, -0.0538595, 0.9889484,  0.5829446,
                                 -0.7245151, 0.6951039,  1.0963940,  -0.1302890, -1.2478587, -0.5373125,
                                 0.2166993,  -0.9612510, -0.7309664, 0.3039364,  0.9436765,  0.2009283};
  const std::vector<double> position{0.7101285,  -0.4916707, -0.9731711, -0.3148237, 0.8980149,  0.7952596,
                                     -0.6226301, 0.4599820,  0.8687194,  0.0397043,  -0.9454718, -0.5455295,
                                     0.3765684,  -1.0134413, -0.9187571, 0.3008027,  1.0724183,  0.2729386};
  using Apart = ops::Disentangled<double, Host>;
  const double scale = 1 / std::sqrt(9.);
  CHECK(difference(rows_of(Apart{pos_k.read(), pos_q.read(), 8, 8, 40}, scale, false), both) < 1e-6);
  CHECK(difference(rows_of(Apart{slice(pos_k.read(), 2, 15), slice(pos_q.read(), 2, 15), 6, 8, 40}, scale, false),
                   both) < 1e-6);
  CHECK(difference(rows_of(Apart{{}, pos_q.read(), 8, 8, 40}, 1 / std::sqrt(6.), false), position) < 1e-6);
}
