// SPDX-License-Identifier: Apache-2.0
// The program at the top of the README.
#include <peft/peft.hpp>
using namespace peft;

using Tune = Method<Delta<LoRA<8>, At<Query, Value>>>;

int main() {
  const Session kokkos;
  const auto backbone = Bert<>::open("all-minilm-l6-v2");
  const auto tokenizer = Tokenizer::open("all-minilm-l6-v2");
  Model<Bert<>, Tune> model(backbone, {}, {.labels = 2});
  Loader data(Tokenized(read_glue(glue_task("sst2"), "SST-2", "train"), tokenizer, {}), {.batch = 32});
  fit(model, data, {.epochs = 1, .lr = 1e-3, .on_step = progress_bar()});
  save(model, "out");
}
