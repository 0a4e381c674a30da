// SPDX-License-Identifier: Apache-2.0
#include <peft/side/read.hpp>
#include <peft/side/read_layers.hpp>

#include "whole.hpp"

using namespace peft;

namespace {

using Plain = Method<SideNet<Read<AnyCell, 4>>>;
using Joined = Method<SideNet<Read<AnyCell, 4, Concat>>>;
using Full = Method<SideNet<Read<GRU, 4, Concatenated<OwnToken, SameSequence>>>>;
static_assert(DeltaFor<Read<>, Site::side> && !DeltaFor<Read<>, Site::layer>);
static_assert(!Lane<Model<Bert<double>, Plain>>::crosses && !Lane<Model<Bert<double>, Joined>>::crosses);
static_assert(Full::type<0>::taps_own_scores && !Joined::type<0>::taps_all_rows);

auto& read_net(auto& method) { return std::get<0>(method.deltas).delta; }

template <class Method>
std::int64_t read_trained(const Method& method, int layers, Extent d) {
  Model<Bert<double>, Method> model(tiny::bert({d, 2, layers, 20}), method, {3});
  return model.trainable() - (3 * d + 3);
}

}  // namespace

/// The backbone's backward is not even compiled: whoever names it here does not compile.
template <>
void peft::nn::Block<Pass<Bert<double>, Plain>::Call>::backward(const Pass<Bert<double>, Plain>::Call&,
                                                                const nn::Shape&, Mat<double>, Mat<double>) = delete;
template <>
void peft::nn::Block<Pass<Bert<double>, Joined>::Call>::backward(const Pass<Bert<double>, Joined>::Call&,
                                                                 const nn::Shape&, Mat<double>, Mat<double>) = delete;

TEST_CASE("READ alone: every cell, joiner and option") {
  whole::check_alone<Read<RNN, 3>>();
  whole::check_alone<Read<Elman<ops::Relu>, 3>>();
  whole::check_alone<Read<LSTM, 3>>();
  whole::check_alone<Read<GRU, 3>>();
  Read<GRU, 4, Concat> joined;
  whole::check_alone(joined);
  joined.joiner.gated = true;
  whole::check_alone(joined);
  whole::check_alone<Read<GRU, 3, Concatenated<OwnToken>>>();
  Read<LSTM, 2, Concat> other;
  other.joiner.gated = other.norm_after = true;
  other.dropout = 0.3;
  whole::check_alone(other);
}

TEST_CASE("READ in whole models") {
  for (const auto kind : {AnyCell::rnn, AnyCell::lstm, AnyCell::gru}) {
    Plain method;
    read_net(method).cell.kind = kind;
    whole::check(method);
    read_net(method).dropout = 0.1;
    read_net(method).norm_after = true;
    if (kind == AnyCell::gru) whole::check<ClassifyMean>(method, {.labels = 1});
  }
  for (const bool gated : {false, true}) {
    Joined method;
    read_net(method).joiner.gated = gated;
    whole::check(method);
  }
}

TEST_CASE("READ's equation 12, with what other tokens say") {
  Full method;
  whole::check(method, {.deviation = 0.6});
  read_net(method).joiner.gated = true;
  whole::check<ClassifyMean>(method, {.labels = 1, .deviation = 0.6});
  const Extent k = 4, d = 12;
  read_net(method).joiner.gated = false;
  for (const int layers : {2, 5})
    CHECK(read_trained(method, layers, d) == 3 * k * (d + k + 2) + d * k + 2 * (k * k + k) + 3 * k * k + 2 * k * k);
}

TEST_CASE("READ without recurrence") {
  using Layers = Method<SideNet<ReadLayers<4>>>;
  whole::check_alone<ReadLayers<3>>();
  Layers method;
  whole::check(method);
  read_net(method).dropout = 0.2;
  whole::check_alone(read_net(method));
  for (const int layers : {2, 5}) CHECK(read_trained(method, layers, 12) == layers * (2 * 12 * 4 + 4));
}

TEST_CASE("READ trains as much whatever the depth") {
  const Extent k = 4;
  for (const auto& [kind, gates] : {std::pair{AnyCell::rnn, 1}, {AnyCell::gru, 3}, {AnyCell::lstm, 4}})
    for (const Extent d : {12, 24}) {
      Plain plain;
      Joined joined, gated;
      read_net(plain).cell.kind = read_net(joined).cell.kind = read_net(gated).cell.kind = kind;
      read_net(gated).joiner.gated = true;
      const std::int64_t base = gates * k * (d + k + 2) + d * k, more = 2 * (k * k + k) + gates * k * k;
      for (const int layers : {2, 5}) {
        CHECK(read_trained(plain, layers, d) == base);
        CHECK(read_trained(joined, layers, d) == base + more);
        CHECK(read_trained(gated, layers, d) == base + more + d * k + k);
      }
    }
}

TEST_CASE("READ begins as the backbone, and takes no stash of it") {
  const auto backbone = tiny::bert();
  Model<Bert<double>, Plain> model(backbone, {}, {3});
  Model<Bert<double>, Method<>> head(backbone, {}, {3});
  Engine engine(model, 1);
  Engine plain(head, 1);
  const Batch data = tiny::batch({1, 7, 3, 12});
  CHECK(engine.predict(data) == plain.predict(data));

  const auto bytes = [](auto method, int layers) {
    using M = Model<Bert<double>, decltype(method)>;
    M model(tiny::bert({12, 2, layers, 20}), method, {3});
    return Engine<M>(model, 1).plan(8, 30, true);
  };
  // Ten more layers: of eight first rows the tap, and at the most the sums twice (a GRU's) and the state.
  const auto rows = 10 * 8 * sizeof(double), more = bytes(Plain{}, 12) - bytes(Plain{}, 2);
  CHECK(more >= rows * 12);
  CHECK(more <= rows * (12 + 12 + 12 + 4));
  CHECK(bytes(Method<>{}, 12) == bytes(Method<>{}, 2));
}
