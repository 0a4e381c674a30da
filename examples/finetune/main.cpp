// SPDX-License-Identifier: Apache-2.0
// Fine-tunes a checkpoint on a GLUE task, a CSV file, tagged words, multiple choice or text pairs with one of the library's methods.
#include <CLI/CLI.hpp>
#include <Kokkos_Core.hpp>
#include <cmath>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <string_view>

#include <peft/text/unicode/utf8.hpp>

#include "methods.hpp"

namespace {

/// One line of text, whatever bytes of a damaged file a message quotes.
std::string printable(std::string_view message) {
  std::string text = peft::utf8::repaired(message);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = ' ';
  return text;
}

/// CLI11's own ranges let NaN pass.
const CLI::Validator amount(
    [](std::string& text) {
      double x = 0;
      return CLI::detail::lexical_cast(text, x) && std::isfinite(x) && x >= 0 ? "" : "expected a number from 0 on, not " + text;
    },
    "NUMBER");

void declare(CLI::App& app, Options& o) {
  const auto names = [] {
    std::vector<std::string> list;
    for (const auto& [name, entry] : Entry::table()) list.push_back(name);
    return list;
  }();
  app.add_option("--model", o.model, "Hugging Face folder: config.json, model.safetensors, tokenizer")->required();
  app.add_option("--task", o.task, "sst2 cola mrpc rte stsb qnli mnli qqp wnli, csv (columns text[,text2],label), conll (train.txt, dev.txt: a word and its tag per line), choice (csv: context,choice0,choice1,..,label), e2e, or pairs (csv: source,target); models that write take GLUE as text to text")->required();
  app.add_option("--data", o.data, "folder with the task's files (train and dev)")->required();
  app.add_option("--method", o.method, "what is trained")->check(CLI::IsMember(names))->capture_default_str();
  app.add_option("--rank", o.rank, "of LoRA and SoRA")->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_option("--alpha", o.alpha, "scale of LoRA and SoRA: alpha / rank")->check(amount)->capture_default_str();
  app.add_option("--sites", o.sites, "where the delta sits, as attn.q,attn.v or *; default: the method's own");
  app.add_option("--epochs", o.epochs, "0: only load, evaluate and predict")->check(CLI::Range(0, 100000))->capture_default_str();
  app.add_option("--batch", o.batch, "examples per batch")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  app.add_option("--batch-tokens", o.batch_tokens, "tokens per batch at the most; 0: any number")->check(amount);
  app.add_option("--bucket", o.bucket, "sort by length within so many batches; 0: do not")->check(amount);
  app.add_flag("!--no-shuffle", o.shuffle, "take the examples in the order of their file, every epoch");
  app.add_option("--accumulate", o.accumulate, "batches per optimizer step")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  app.add_option("--lr", o.lr, "learning rate; default: the method's own")->check(amount);
  app.add_option("--head-lr", o.head_lr, "of the task's head, where it needs more than --lr: a head begins at random")->check(amount);
  app.add_option("--schedule", o.schedule, "of the learning rate")->check(CLI::IsMember({"constant", "linear", "cosine"}))->capture_default_str();
  app.add_option("--warmup", o.warmup, "a fraction of the steps below 1, else a number of steps")->check(amount)->capture_default_str();
  app.add_option("--weight-decay", o.weight_decay, "AdamW's")->check(amount)->capture_default_str();
  app.add_option("--clip", o.clip, "largest norm of the gradient; 0: off")->check(amount)->capture_default_str();
  app.add_option("--drop-layers", o.drop_layers, "take the backbone without its last N layers (of both stacks), as READ-large does")->check(CLI::Range(0, 1000));
  app.add_option("--dropout", o.dropout, "the backbone's; default: its config's")->check(amount)->check(CLI::Range(0., 0.99));
  app.add_option("--delta-dropout", o.delta_dropout, "the delta's own")->check(amount)->check(CLI::Range(0., 0.99))->capture_default_str();
  app.add_option_function<std::string>("--sparsity", [&o](const std::string& x) { o.settings.push_back("sparsity=" + x); },
                                       "SoRA's lambda: gates shrink by lr * lambda per step")->check(amount);
  app.add_option("--set", o.settings, "a setting of the method, as NAME=VALUE; may be repeated. Of a backbone that writes: prompt, what GLUE sentences stand in (\"Good or bad? {sentence}\"), and separator")->take_all();
  app.add_option("--pooling", o.pooling, "the vector that the head reads")->check(CLI::IsMember({"first", "mean"}))->capture_default_str();
  app.add_option("--max-length", o.max_length, "tokens per sequence, special ones included")->check(CLI::Range(3, 1 << 20))->capture_default_str();
  app.add_option("--limit", o.limit, "train on the first N examples of the seeded shuffle; 0: all")->check(amount)->capture_default_str();
  app.add_option("--seed", o.seed, "of everything random")->check(amount)->capture_default_str();
  app.add_option("--patience", o.patience, "stop after so many epochs without a gain and keep the best; 0: never")->check(amount)->capture_default_str();
  app.add_option("--workers", o.workers, "0: one per core")->check(CLI::Range(0, 1024))->capture_default_str();
  app.add_option("--precision", o.precision, "of weights and arithmetic")->check(CLI::IsMember({"fp32"}))->capture_default_str();
  app.add_option("--out", o.out, "folder for the delta and the run's checkpoint");
  app.add_option("--load", o.load, "a saved delta: a folder of ours, or an adapter of Hugging Face PEFT");
  app.add_flag("--resume", o.resume, "go on with the run saved in --out");
  app.add_option("--checkpoint-steps", o.checkpoint_steps, "save the run every so many steps too")->check(amount);
  app.add_option("--export", o.export_to, "folder for a plain Hugging Face checkpoint with everything merged");
  app.add_option("--base-model", o.base_model, "the backbone's name in PEFT's files; default: --model");
  app.add_option("--predict", o.predict, "file for the dev logits: a row per example, tabs between; of conll: word, tag and predicted tag per line; of a backbone that writes: a text per line");
  app.add_option("--texts", o.texts, "e2e, pairs: after training, write texts for the first N dev prompts, and score them; default: for all")->check(amount);
  app.add_option("--max-new-tokens", o.max_new_tokens, "of a text")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  app.add_option("--beams", o.beams, "1: texts are written greedily")->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--json", o.json, "file for the run as data");
  std::string footer = "Methods:\n";
  for (const auto& [name, entry] : Entry::table()) footer += "  " + name + std::string(name.size() < 28 ? 28 - name.size() : 1, ' ') + entry.summary + "\n";
  app.footer(footer);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Fine-tunes a checkpoint of BERT, DistilBERT, RoBERTa, DeBERTa-v2/v3, T5, GPT-2 or Llama with one of the methods listed below."};
  Options options;
  declare(app, options);
  CLI11_PARSE(app, argc, argv);
  const Kokkos::ScopeGuard kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  try {
    peft::require(!options.resume || (!options.out.empty() && options.epochs > 0),
                  "--resume needs --out, the folder of the run, and --epochs");
    peft::require(options.export_to.empty() || options.pooling == "first",
                  "--export: a plain Hugging Face classifier reads the pooler; train with --pooling first");
    const Entry& entry = Entry::table().at(options.method);
    if (options.lr < 0) options.lr = entry.lr;
    const Job job(options);
    const auto run = entry.runs.find(job.facts.family);
    if (run == entry.runs.end()) {
      std::string there;
      for (const auto& [name, other] : Entry::table())
        if (other.runs.contains(job.facts.family)) there += (there.empty() ? "" : ", ") + name;
      peft::fail("--method ", options.method, ": this program does not have it for a ", job.facts.family, " checkpoint; there are ", there);
    }
    return run->second(job);
  } catch (const std::bad_alloc&) {
    std::cerr << "error: out of memory; try a smaller --batch or --max-length\n";
  } catch (const std::exception& e) {
    std::cerr << "error: " << printable(e.what()) << "\n";
  }
  return 1;
}
