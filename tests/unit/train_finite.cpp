// SPDX-License-Identifier: Apache-2.0
// Numbers that are not finite: where they come from, and what a run does then.
#include <peft/io/checksum.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_write.hpp>
#include <peft/optim/sgd.hpp>

#include <cmath>
#include <limits>

#include "train_tiny.hpp"

using namespace peft;
using small::Sentences;

namespace {

/// A classifier whose gradient is made odd from the step on that `spoiled` counts down to; its loss stays as it is.
struct Spoiled : Classify {
  int* spoiled = nullptr;
  double odd = 0;

  void loss(auto& w, auto logits, auto targets, double weight, auto losses, auto dlogits) const {
    Classify::loss(w, logits, targets, weight, losses, dlogits);
    if (!w.planning() && spoiled != nullptr && *spoiled == 0)
      dlogits(0, 1) = static_cast<std::remove_reference_t<decltype(dlogits(0, 1))>>(odd);
  }
};

template <class T, class O>
void check_gradient(double odd, double clip) {
  using M = Model<Bert<T>, Method<>, Spoiled>;
  int left = 3;
  Spoiled task;
  task.labels = 3;
  task.spoiled = &left;
  task.odd = odd;
  M model(Bert<T>::open(small::folder())->with_dropout(0, 0, 0), {}, task, 3);
  Engine<M> engine(model, 2, {30, 2});
  FitOptionsWith<O> o;
  o.epochs = 1;
  o.lr = 1e-3;
  o.clip = clip;
  std::vector<T> before;
  o.on_step = [&](const Progress& p) {
    --left;
    CHECK(std::isfinite(p.loss));
    before = {model.buffer().data(), model.buffer().data() + model.buffer().size()};
  };
  const std::string message =
      error_of([&] { fit(engine, Sentences{}, o, [] { return metric::Scores{{}, 0, "none"}; }); });
  CHECK(lacks(message,
              {"the loss is finite", "not its gradient", "classifier.weight holds", "at row 1, column 0 of (3, 32)",
               "step 4 of 11", "nothing of this step was applied", "learning rate"}) == "");
  CHECK(before == std::vector<T>(model.buffer().data(), model.buffer().data() + model.buffer().size()));
}

/// The message of logits by a copy of the tiny checkpoint, one of whose tensors is stored as `type` and has `odd` at
/// `index`.
std::string error_with(const char* name, DType type, std::size_t index, double odd, bool half = false) {
  const Temporary folder;
  for (const char* file : {"config.json", "model.safetensors"})
    std::filesystem::copy_file(small::folder() / file, folder / file);
  const SafeTensors source = SafeTensors::open(small::folder() / "model.safetensors");
  std::vector<NamedTensor> tensors;
  std::vector<std::byte> bytes;
  for (const std::string& each : source.names()) {
    const TensorRef& t = source.at(each);
    tensors.push_back({each, t.dtype, t.shape, t.bytes.data()});
    if (each != name) continue;
    std::vector<double> values = t.values<double>();
    values[index] = 0.75;  // a number that the file can be written with
    bytes.resize(values.size() * size_of(type));
    encode<double>(type, std::span<const double>(values), bytes.data());
    tensors.back().dtype = type;
    tensors.back().data = bytes.data();
  }
  write_safetensors(folder / "model.safetensors", tensors);
  std::string text = get(folder / "model.safetensors");
  const std::string before(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  encode<double>(type, std::span<const double>(&odd, 1), bytes.data() + index * size_of(type));
  text.replace(text.find(before), before.size(), reinterpret_cast<const char*>(bytes.data()), bytes.size());
  put(folder / "model.safetensors", text);
  return error_of([&] {
    Model<Bert<float>, Method<>> model(Bert<float>::open(folder.path()), {}, Classify{.labels = 3});
    Engine<Model<Bert<float>, Method<>>> engine(model, 1);
    engine.prepare();
    Batch b;
    for (int i = 0; i < 3; ++i) b.add(Sentences{}.sentence(i), i);
    if (half) b.ids.assign(b.ids.size(), 7);
    engine.predict(b);
  });
}

std::string flipped(std::string text, std::size_t bit) {
  text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
  return text;
}

}  // namespace

TEST_CASE("a step whose gradient is not finite is not applied, though its loss is", "[train]") {
  const double nan_of = std::nan(""), infinite = std::numeric_limits<double>::infinity();
  for (const double clip : {0., 1.}) {
    check_gradient<float, AdamW>(nan_of, clip);
    check_gradient<float, SGD>(infinite, clip);
    check_gradient<double, AdamW>(-infinite, clip);
  }
  check_gradient<double, SGD>(nan_of, 0);
}

TEST_CASE("a backbone's numbers are looked at when they are first used, as they are stored", "[train]") {
  const char *matrix = "bert.encoder.layer.1.attention.self.query.weight",
             *words = "bert.embeddings.word_embeddings.weight";
  for (const DType type : {DType::F64, DType::F32, DType::F16, DType::BF16}) {
    CAPTURE(name(type));
    CHECK(error_with(matrix, type, 70, 0.5) == "");
    CHECK(lacks(error_with(matrix, type, 70, NAN),
                {"model.safetensors", matrix, "nan at row 2, column 6 of (32, 32)"}) == "");
    CHECK(lacks(error_with(matrix, type, 1023, -INFINITY), {"-inf at row 31, column 31"}) == "");
    CHECK(lacks(error_with(words, type, 7 * 32 + 1, INFINITY, true), {words, "inf at row 7, column 1 of (96, 32)"}) ==
          "");
    CHECK(error_with(words, type, 8 * 32, NAN, true) == "");  // only word 7 is said
  }
  CHECK(lacks(error_with(matrix, DType::F64, 0, 1e300), {"1e+300 at row 0, column 0", "F32 cannot hold"}) == "");
  CHECK(lacks(error_with("bert.embeddings.position_embeddings.weight", DType::F32, 0, NAN),
              {"position_embeddings.weight", "nan at row 0"}) == "");
  CHECK(error_with("bert.embeddings.position_embeddings.weight", DType::F32, 47 * 32, NAN) == "");
}

TEST_CASE("what no learning rate can have done is not put down to one", "[train]") {
  const FitOptions o = small::options();
  small::Trained<> run;
  const auto change = [&](const std::string& name, float value) {
    const Field* f = run.model.find(name);
    auto values = run.model.read(*f);
    values[7] = value;
    run.model.write(*f, values);
  };
  SECTION("a value that is not finite") {
    change("bert.encoder.layer.2.attention.self.query.lora_A.weight", -INFINITY);
    const std::string message = error_of([&] { run.fit(o); });
    CHECK(lacks(message,
                {"step 1 of 22",
                 "bert.encoder.layer.2.attention.self.query.lora_A.weight holds -inf at row 0, column 7 of (4, 32)"}) ==
          "");
    CHECK(message.find("learning rate") == std::string::npos);
  }
  SECTION("numbers that outgrow their type") {
    change("bert.encoder.layer.0.attention.self.value.lora_A.weight", 3e38f);
    change("bert.encoder.layer.0.attention.self.value.lora_B.weight", 3e38f);
    const std::string message = error_of([&] { run.fit(o); });
    CHECK(lacks(message, {"step 1 of 22", "every weight is finite", "outgrow their type", "3e+38"}) == "");
    CHECK(message.find("learning rate") == std::string::npos);
  }
}

TEST_CASE("logits and losses that are not finite are not handed out", "[train]") {
  small::Trained<> run;
  Batch b;
  for (int i = 0; i < 5; ++i) b.add(Sentences{}.sentence(i), 100 + i);
  CHECK(run.engine.predict(b).size() == 15);
  const Field* f = run.model.find("classifier.bias");
  run.model.write(*f, {0, 0, INFINITY});
  CHECK(lacks(error_of([&] { run.engine.predict(b); }), {"example 100: the model gives inf as logit 2",
                                                         "classifier.bias holds inf at row 0, column 2 of (1, 3)"}) ==
        "");
  FitOptions o = small::options();
  CHECK(lacks(error_of([&] { run.fit(o); }), {"step 1 of 22", "classifier.bias holds inf"}) == "");
}

TEST_CASE("a run of which any bit has changed is not resumed", "[train]") {
  const Temporary folder;
  FitOptions o = small::options();
  o.checkpoint = folder / "run.safetensors";
  o.on_step = [](const Progress& p) {
    if (p.step == 2) std::raise(SIGINT);
  };
  small::Trained<> first;
  first.fit(o);
  const std::string whole = get(o.checkpoint);
  const Layout& layout = first.model.layout();
  const auto read = [&](const std::string& text) {
    put(o.checkpoint, text);
    std::map<std::string, std::vector<float>> buffers;
    for (const char* name : {"values", "best"}) buffers[name].resize(static_cast<std::size_t>(layout.size()));
    for (const char* name : {"adamw.m", "adamw.v"})
      buffers[name].resize(static_cast<std::size_t>(layout.gradient_size()));
    return error_of([&] { read_checkpoint<float>(o.checkpoint, layout, {}, buffers); });
  };
  REQUIRE(read(whole) == "");
  int flips = 0;
  for (std::size_t bit = 0; bit < 8 * whole.size(); bit += bit < 8 * 4096 ? 7 : 61, ++flips)
    if (lacks(read(flipped(whole, bit)), {"run.safetensors"}) != "")
      FAIL("bit " << bit << " of " << 8 * whole.size() << " was accepted");
  CHECK(flips > 1000);
  const auto without = whole.find(checksum_key);
  std::string other = whole;
  other[without] = 'q';
  CHECK(lacks(read(other), {"run.safetensors", "peft.hpp.checksum"}) == "");
}

TEST_CASE("values and moments that are not finite are not resumed", "[train]") {
  const Temporary folder;
  FitOptions o = small::options();
  o.checkpoint = folder / "run.safetensors";
  small::Trained<> first;
  const Layout& layout = first.model.layout();
  const Field& field = *first.model.find("bert.encoder.layer.1.attention.self.query.lora_B.weight");
  for (const char* name : {"values", "best", "adamw.m", "adamw.v"})
    for (const float odd : {NAN, INFINITY, -INFINITY}) {
      std::map<std::string, std::vector<float>> buffers;
      for (const char* each : {"values", "best", "adamw.m", "adamw.v"})
        buffers[each].assign(static_cast<std::size_t>(layout.size()), 0.5f);
      write_checkpoint(o.checkpoint, layout, RunState{}, buffers);
      // As a program would have written it that had not looked: the checksum fits.
      std::string text = get(o.checkpoint);
      const SafeTensors file = SafeTensors::open(o.checkpoint);
      const std::string before = file.metadata().at(std::string(checksum_key));
      std::vector<TensorRef> tensors;
      for (const std::string& each : file.names()) tensors.push_back(file.at(each));
      buffers[name][static_cast<std::size_t>(field.offset) + 5] = odd;
      std::size_t at = text.size();
      for (TensorRef& t : tensors) {
        if (buffers.contains(t.name)) t.bytes = std::as_bytes(std::span(buffers.at(t.name)));
        at -= t.bytes.size();
      }
      const std::string after = checksum(tensors, file.metadata());
      text.replace(text.find(before), before.size(), after);
      for (const TensorRef& t : tensors) {
        text.replace(at, t.bytes.size(), reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size());
        at += t.bytes.size();
      }
      put(o.checkpoint, text);
      auto read = buffers;
      const std::string message = error_of([&] { read_checkpoint<float>(o.checkpoint, layout, {}, read); });
      CHECK(lacks(message, {"run.safetensors", name, "bert.encoder.layer.1.attention.self.query.lora_B.weight holds",
                            "at row 1, column 1 of (32, 4)"}) == "");
    }
}
