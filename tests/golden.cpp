// SPDX-License-Identifier: Apache-2.0
#include "golden.hpp"

#include <peft/core/transposed.hpp>

#include <cmath>

namespace golden {

std::filesystem::path folder(const std::string& checkpoint) {
  return std::filesystem::path(PEFT_SOURCE_DIR) / "tests/golden/data" / checkpoint;
}

peft::Batch read_batch(const peft::SafeTensors& file, const std::string& name) {
  peft::Batch b;
  b.offsets = file.at(name + ".offsets").values<std::int32_t>();
  b.ids = file.at(name + ".ids").values<std::int32_t>();
  if (file.find(name + ".types") != nullptr) b.types = file.at(name + ".types").values<std::int32_t>();
  b.types.resize(b.ids.size(), 0);
  if (file.find(name + ".decoder_ids") != nullptr) {
    b.decoder_offsets = file.at(name + ".decoder_offsets").values<std::int32_t>();
    b.decoder_ids = file.at(name + ".decoder_ids").values<std::int32_t>();
  }
  b.targets = file.at(name + ".targets").values<double>();
  for (int i = 0; i < b.sequences(); ++i) {
    b.examples.push_back(i);
    int slot = 0;  // of the tiny checkpoints' [CLS] and [SEP]
    for (int k = b.offsets[i]; k < b.offsets[i + 1]; ++k)
      b.slots.push_back(b.ids[k] == 2 || b.ids[k] == 3 ? slot++ : -1);
  }
  return b;
}

double difference(const std::vector<double>& a, const std::vector<double>& b, double floor) {
  REQUIRE(a.size() == b.size());
  double worst = 0, scale = floor;
  for (const double v : b) scale = std::max(scale, std::abs(v));
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(a[i] - b[i]);
    worst = std::isnan(d) ? 1e30 : std::max(worst, d);
  }
  return worst / scale;
}

bool is_noise(const std::string& name, int together) {
  return name.find("key.bias") != std::string::npos || (together > 1 && name == "classifier.bias");
}

/// The gradient that PyTorch found, where it is noise of that kind.
bool is_noise(const std::vector<double>& gradient) {
  double largest = 0;
  for (const double g : gradient) largest = std::max(largest, std::abs(g));
  return largest < 1e-6;
}
/// The biases of queries, keys and values as one vector: the keys' are noise.
bool has_noise(const std::string& name) { return name.ends_with("c_attn.bias"); }

/// What the files call a tensor: their rows and prefixes have no place of their own in a causal model or T5.
std::string in_file(std::string name) {
  if (name == "input.prompt") return "encoder.prompt";
  for (const std::string part : {".input.prompt", ".prefix.prefix."})
    if (const auto at = name.find(part); at != std::string::npos) name.erase(at, part == ".input.prompt" ? 6 : 7);
  return name;
}

std::vector<double> reference(const peft::SafeTensors& file, const std::string& kind, const peft::Field& f,
                              bool transposed) {
  const std::vector<double> values = file.at(kind + in_file(f.name)).values<double>();
  return transposed ? peft::transposed(values, f.cols, f.rows) : values;
}

void check(const Subject& model, const peft::SafeTensors& file, const Tolerance& tolerance) {
  using namespace peft;
  untyped::AnyEngine& engine = model.engine;
  const auto wanted = [&](const std::string& kind, const Field& f) {
    return reference(file, kind, f, model.transposed(f.name));
  };
  std::vector<Field> trained;
  for (const Field& f : engine.layout().fields())
    if (f.role == Role::trained) trained.push_back(f);
  std::size_t expected = 0;
  for (const std::string& name : file.names()) expected += name.rfind("init.", 0) == 0;
  REQUIRE(trained.size() == expected);

  const auto reset = [&] {
    for (const Field& f : trained) {
      INFO(f.name);
      engine.write(f, wanted("init.", f));
    }
    for (const Field& f : engine.layout().fields())
      if (f.role == Role::state && f.init.kind == Init::constant)
        engine.write(f, std::vector<double>(static_cast<std::size_t>(f.size()), f.init.scale));
    engine.prepare();
  };
  const AdamW adamw{.lr = 1e-3};
  const auto accumulate = [&](const Batch& b) {
    engine.zero_gradients();
    const double loss = engine.accumulate(b, 1. / static_cast<double>(engine.counted(b)), 1, false);
    engine.finish_gradients();
    return loss;
  };
  const auto step = [&](const Batch& b) {
    const double loss = accumulate(b);
    engine.after_step({adamw.lr, engine.update(), 20});
    engine.prepare();
    return loss;
  };

  const Batch batch = read_batch(file, "batch");
  reset();
  CHECK(difference(model.predict(batch), file.at("logits").values<double>(), 0.1) < tolerance.forward);
  const double loss = accumulate(batch), wanted_loss = file.at("loss").values<double>()[0];
  CHECK(std::abs(loss - wanted_loss) < tolerance.forward * std::abs(wanted_loss));
  for (const Field& f : trained) {
    INFO(f.name);
    std::vector<double> g = engine.gradient(f);
    const auto wanted_gradient = wanted("grad.", f);
    if (is_noise(f.name, model.together) || is_noise(wanted_gradient)) {
      CHECK(difference(g, wanted_gradient, 1.) < 1e-5);
      continue;
    }
    CHECK(difference(g, wanted_gradient, 1e-3) < tolerance.gradient);
    // The comparison can fail: the flipped gradient is refused.
    for (double& v : g) v = -v;
    CHECK(difference(g, wanted_gradient, 1e-3) > tolerance.gradient);
  }

  reset();
  engine.restart(adamw);
  for (int i = 0; i < 5; ++i) step(batch);
  for (const Field& f : trained) {
    INFO(f.name);
    const double d = difference(engine.read(f), wanted("after5.", f), 0.1);
    const bool noise = is_noise(f.name, model.together) || is_noise(wanted("grad.", f)) || has_noise(f.name);
    CHECK(d < (noise ? 0.1 : tolerance.parameters));
  }

  if (file.find("losses") == nullptr) return;
  reset();
  engine.restart(adamw);
  const auto losses = file.at("losses").values<double>();
  std::vector<Batch> cycle;
  for (int i = 0; i < 4; ++i) cycle.push_back(read_batch(file, "batch" + std::to_string(i)));
  for (std::size_t i = 0; i < losses.size(); ++i) {
    INFO("step " << i);
    CHECK(std::abs(step(cycle[i % 4]) - losses[i]) < tolerance.losses * std::abs(losses[i]));
  }
}

}  // namespace golden
