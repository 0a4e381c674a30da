// SPDX-License-Identifier: Apache-2.0
#include <peft/side/gru.hpp>
#include <peft/side/read.hpp>
#include <peft/side/read_layers.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

template <class Task = Classify, class Net>
void read_follows(const char* file, const Net& net) {
  Method<SideNet<Net>> method;
  std::get<0>(method.deltas).delta = net;
  golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / file, Task{3}, method);
}

}  // namespace

TEST_CASE("READ follows torch.nn's cells over depth", "[golden]") {
  Read<AnyCell, 6> read;
  for (const char* cell : {"rnn", "lstm", "gru"}) {
    INFO(cell);
    read.cell = AnyCell::named(cell);
    read_follows(cat("read_", cell, ".safetensors").c_str(), read);
  }
  read_follows<ClassifyMean>("read_gru_meanpool.safetensors", read);
}

TEST_CASE("READ's joiners follow PyTorch", "[golden]") {
  Read<AnyCell, 6, Concat> read;
  read_follows("read_concat.safetensors", read);
  read.cell.kind = AnyCell::rnn;
  read.joiner.gated = true;
  read_follows("read_gated.safetensors", read);
}

TEST_CASE("READ's equation 12 follows PyTorch", "[golden]") {
  read_follows("read_phi.safetensors", Read<LSTM, 6, Concatenated<OwnToken>>{});
  read_follows("read_phi_psi.safetensors", Read<GRU, 6, Concatenated<OwnToken, SameSequence>>{});
  Read<RNN, 6, Concatenated<OwnToken, SameSequence>> gated;
  gated.joiner.gated = true;
  read_follows<ClassifyMean>("read_phi_psi_gated.safetensors", gated);
}

TEST_CASE("READ without recurrence follows PyTorch", "[golden]") {
  read_follows("read_layers.safetensors", ReadLayers<6>{});
}
