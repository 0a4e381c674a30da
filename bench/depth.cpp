// SPDX-License-Identifier: Apache-2.0
// Trainable parameters (heads left out) and the planned memory of a step against the depth of a BERT of width 768, as a
// table with tabs: what READ keeps constant and the others do not.
#include <peft/delta/bias.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/lora.hpp>
#include <peft/delta/pfeiffer.hpp>

#include <peft/model/bert.hpp>
#include <peft/side/gru.hpp>
#include <peft/side/read.hpp>
#include <peft/train/engine.hpp>

#include <iostream>

using namespace peft;

namespace {

template <class Method>
void line(const char* name, const std::shared_ptr<const Bert<float>>& backbone, Method method = {}) {
  using M = Model<Bert<float>, Method>;
  M model(backbone, method, Classify{2});
  Engine<M> engine(model, 1);
  const std::size_t bytes = engine.plan(32, 40, true);
  std::cout << name << "\t" << backbone->layers() << "\t" << model.trainable() - 2 * (backbone->width() + 1) << "\t"
            << bytes << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  std::cout << "method\tlayers\ttrainable\tstep_bytes" << std::endl;
  for (const int layers : {2, 4, 8, 12, 18, 24}) {
    BertConfig config;
    config.num_hidden_layers = layers;
    config.vocab_size = 1000;
    const auto backbone = Bert<float>::random(config, 1);
    line<Method<SideNet<Read<GRU, 128>>>>("read", backbone);
    line<Method<Delta<LoRA<8>, At<Query, Value>>>>("lora", backbone);
    line<Pfeiffer<48>>("pfeiffer", backbone);
    line<Method<Delta<Bias>>>("bitfit", backbone);
    line<Method<Delta<Full>>>("full", backbone);
  }
}
