// SPDX-License-Identifier: Apache-2.0
#include "option_table.hpp"

#include <peft/core/error.hpp>
#include <peft/io/near_names.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "methods.hpp"
#include "words.hpp"

using namespace peft;

namespace {

using Names = std::span<const std::string_view>;

constexpr Accepts any{Accepts::text}, path{Accepts::path}, on{Accepts::on}, off{Accepts::off},
    setting{Accepts::setting};
constexpr Accepts amount{Accepts::number, 0};
constexpr Accepts from_to(double low, double high) { return {Accepts::number, low, high}; }
constexpr Accepts one_of(Names names) { return {Accepts::name, 0, 0, names}; }

constexpr std::string_view tasks[] = {"sst2", "cola", "mrpc", "rte",   "stsb",   "qnli", "mnli",
                                      "qqp",  "wnli", "csv",  "conll", "choice", "e2e",  "pairs"},
                           schedules[] = {"constant", "linear", "cosine"}, poolings[] = {"first", "mean"},
                           precisions[] = {"fp32"},
                           splits[] = {"train", "dev", "test", "dev_mismatched", "test_mismatched"},
                           formats[] = {"tsv", "glue", "jsonl"}, label_kinds[] = {"auto", "classes", "scores"};
constexpr auto method_names = [] {
  std::array<std::string_view, methods.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = methods[i].name;
  return names;
}();

using O = Options;
constexpr const char *input = "Input", *method = "Method", *training = "Training", *batches = "Batches",
                     *writing = "Backbones that write", *output = "Output";

constexpr OptionInfo table[] = {
    {"model", input, &O::model, path,
     "Hugging Face folder (config.json, model.safetensors or pytorch_model.bin, tokenizer), or a model's name, owner/name or owner/name@revision, that is in Hugging Face's cache",
     "", true},
    {"task", input, &O::task, one_of(tasks),
     "a GLUE task, csv (columns text[,text2],label), conll (a word and its tag per line), choice (columns "
     "context,choice0,choice1,..,label), e2e, or pairs (columns source,target); models that write take GLUE as text to text",
     "", true},
    {"data", input, &O::data, path,
     "folder with the task's files (train and dev); needed but for --predict-from with --epochs 0"},
    {"labels", input, &O::labels, one_of(label_kinds),
     "csv: what a column of numbers is; auto: with a decimal point scores, else classes"},
    {"load", input, &O::load, path,
     "a saved delta: a folder of ours, or an adapter of Hugging Face PEFT, its name in the cache too"},
    {"max-length", input, &O::max_length, from_to(3, 1 << 20),
     "tokens per sequence, special ones included; what is longer is cut and counted"},
    {"limit", input, &O::limit, amount, "train on the first N examples of the seeded shuffle; 0: all"},

    {"method", method, &O::method, one_of(method_names), "what is trained"},
    {"compose", method, &O::compose, any,
     "in place of --method, what stands in the library's Method<..>: 'Delta<LoRA<8>, At<Query, Value>>, Gate<Proximal>'; --set sets by name what its parts declare"},
    {"include", method, &O::include, path, "a header with types of your own for --compose"},
    {"rank", method, &O::rank, from_to(1, 4096), "of LoRA and SoRA"},
    {"alpha", method, &O::alpha, amount, "scale of LoRA and SoRA: alpha / rank"},
    {"sites", method, &O::sites, any, "where the delta sits, as attn.q,attn.v or *", "the method's own"},
    {"delta-dropout", method, &O::delta_dropout, from_to(0, 0.99), "the delta's own"},
    {"sparsity", method, &O::settings, amount, "SoRA's lambda: gates shrink by lr * lambda per step",
     "the operator's own"},
    {"set", method, &O::settings, setting,
     "a setting of the method, as NAME=VALUE; may be repeated. Of a backbone that writes: prompt, what GLUE sentences stand in (\"Good or bad? "
     "{sentence}\"), and separator"},
    {"pooling", method, &O::pooling, one_of(poolings), "the vector that the head reads"},
    {"drop-layers", method, &O::drop_layers, from_to(0, 1000),
     "take the backbone without its last N layers (of both stacks), as READ-large does"},
    {"dropout", method, &O::dropout, from_to(0, 0.99), "the backbone's", "its config's"},

    {"epochs", training, &O::epochs, from_to(0, 100000), "0: only load, evaluate and predict"},
    {"lr", training, &O::lr, amount, "learning rate", "the method's own"},
    {"head-lr", training, &O::head_lr, amount,
     "of the task's head, where it needs more than --lr: a head begins at random", "--lr"},
    {"schedule", training, &O::schedule, one_of(schedules), "of the learning rate"},
    {"warmup", training, &O::warmup, amount, "a fraction of the steps below 1, else a number of steps"},
    {"weight-decay", training, &O::weight_decay, amount, "AdamW's"},
    {"clip", training, &O::clip, amount, "largest norm of the gradient; 0: off"},
    {"patience", training, &O::patience, from_to(0, 1 << 30),
     "stop after so many epochs without a gain and keep the best; 0: never"},
    {"seed", training, &O::seed, amount, "of everything random"},
    {"workers", training, &O::workers, from_to(0, 1024), "0: one per core"},
    {"precision", training, &O::precision, one_of(precisions), "of weights and arithmetic"},

    {"batch", batches, &O::batch, from_to(1, 1 << 20), "examples per batch"},
    {"batch-tokens", batches, &O::batch_tokens, amount, "tokens per batch at the most; 0: any number"},
    {"bucket", batches, &O::bucket, from_to(0, 1 << 30), "sort by length within so many batches; 0: do not"},
    {"accumulate", batches, &O::accumulate, from_to(1, 1 << 20), "batches per optimizer step"},
    {"no-shuffle", batches, &O::shuffle, off, "take the examples in the order of their file, every epoch"},

    {"texts", writing, &O::texts, amount,
     "e2e, pairs: after training, write texts for the first N dev prompts, and score them", "all"},
    {"max-new-tokens", writing, &O::max_new_tokens, from_to(1, 1 << 20), "of a text"},
    {"beams", writing, &O::beams, from_to(1, 64), "1: texts are written greedily"},

    {"out", output, &O::out, path, "folder for the delta and the run's checkpoint"},
    {"resume", output, &O::resume, on, "go on with the run saved in --out, with the same inputs wherever they lie"},
    {"overwrite", output, &O::overwrite, on,
     "let the run replace what --out and --export hold of an earlier one; with --resume, where there is none to go on with"},
    {"checkpoint-steps", output, &O::checkpoint_steps, amount,
     "save the run every so many steps too; 0: at the end of every epoch alone"},
    {"export", output, &O::export_to, path, "folder for a plain Hugging Face checkpoint with everything merged"},
    {"base-model", output, &O::base_model, any, "the backbone's name in PEFT's files", "--model"},
    {"predict", output, &O::predict, path,
     "file for what the model says of the dev split: logits and the name of the class, a row per example, tabs between; of conll: word, tag "
     "and predicted tag per line; of a backbone that writes: a text per line"},
    {"split", output, &O::split, one_of(splits),
     "what --predict is about, if not the dev split; training and the reported scores go on with train and dev", "dev"},
    {"predict-from", output, &O::predict_from, path,
     "a file with the task's texts, labels or not, that --predict is about"},
    {"predict-format", output, &O::predict_format, one_of(formats),
     "of --predict: tsv, as above; glue, what GLUE's leaderboard takes (in a folder also named so); jsonl, an object per line"},
    {"json", output, &O::json, path, "file for the run as data"},
};

/// A bound in full: 1048576, not 1.04858e+06.
std::string bound(double x) {
  return x == std::floor(x) && std::abs(x) < 1e15 ? cat(static_cast<std::int64_t>(x)) : cat(x);
}

template <class T>
T number_from(const std::string& text, const std::string& option, const Accepts& a) {
  T value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = problem == std::errc() && end == text.data() + text.size();
  const double x = static_cast<double>(value);
  require(whole && std::isfinite(x) && x >= a.low && x <= a.high, option, " ", text, ": expected a ",
          std::is_floating_point_v<T> ? "number" : "whole number", " from ", bound(a.low),
          std::isinf(a.high) ? " on" : " to " + bound(a.high));
  return value;
}

/// A path with its ~ as a shell expands it: where it came after a "=" or from a file, no shell has.
std::string expanded(const std::string& text) {
  if (text != "~" && !text.starts_with("~/")) return text;
  const char* home = std::getenv("HOME");
  return home && *home ? home + text.substr(1) : text;
}

/// The name that is meant, whatever its case, dashes and underscores: SST-2 is sst2.
std::string name_among(Names names, const std::string& text, const std::string& option) {
  const auto plain = [](std::string name) {
    std::erase_if(name, [](char c) { return c == '-' || c == '_'; });
    return lower(std::move(name));
  };
  const std::string small = lower(text);
  for (const std::string_view name : names)
    if (plain(std::string(name)) == plain(text)) return std::string(name);
  const std::vector<std::string> all(names.begin(), names.end());
  fail(option, " ", text, ": there is none of this name", near_names(small, all), "; there are ", listed(all));
}

/// The shortest text that reads back as the same value.
template <class T>
std::string as_text(T value) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// The option's values as text; of a list, all.
std::vector<std::string> texts_of(const Options& options, const OptionInfo& option) {
  return std::visit(
      [&](auto member) -> std::vector<std::string> {
        const auto& value = options.*member;
        using T = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::vector<std::string>>)
          return value;
        else if constexpr (std::is_same_v<T, std::string>)
          return {value};
        else if constexpr (std::is_same_v<T, bool>)
          return {value == (option.accepts.kind == Accepts::on) ? "1" : "0"};
        else
          return {as_text(value)};
      },
      option.member);
}

/// Of two options on one member (--sparsity is short for a --set), the one that stands for it on its way to a unit.
bool carries(const OptionInfo& option) {
  return !std::holds_alternative<std::vector<std::string> Options::*>(option.member) ||
         option.accepts.kind == Accepts::setting;
}

}  // namespace

std::span<const OptionInfo> option_table() { return table; }

const OptionInfo& option_named(std::string_view name) {
  std::vector<std::string> known;
  for (const OptionInfo& option : table) {
    if (option.name == name) return option;
    known.emplace_back(option.name);
  }
  fail("there is no option --", std::string(name), near_names(name, known), "; --help lists all");
}

void assign(Options& options, const OptionInfo& option, std::string text) {
  const Accepts& a = option.accepts;
  const std::string name = cat("--", std::string(option.name));
  if (a.kind == Accepts::path) text = expanded(text);
  if (a.kind == Accepts::name) text = name_among(a.names, text, name);
  std::visit(
      [&](auto member) {
        auto& value = options.*member;
        using T = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>) {
          value = std::move(text);
        } else if constexpr (std::is_same_v<T, bool>) {
          value = a.kind == Accepts::on;
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          if (a.kind == Accepts::number) text = cat(option.name, "=", as_text(number_from<double>(text, name, a)));
          require(text.find('=') != text.npos && text.find('=') > 0, name, " ", text, ": expected NAME=VALUE");
          value.push_back(std::move(text));
        } else {
          value = number_from<T>(text, name, a);
        }
      },
      option.member);
}

std::vector<std::string> arguments_of(const Options& options) {
  std::vector<std::string> arguments;
  const Options standard;
  for (const OptionInfo& option : table) {
    const auto texts = texts_of(options, option);
    if (!carries(option) || texts == texts_of(standard, option)) continue;
    if (!options.compose.empty() && option.name == "method") continue;  // the unit's own, no name of the table
    for (const std::string& value : texts) arguments.push_back(cat("--", option.name, "=", value));
  }
  return arguments;
}

Options options_from(std::span<const std::string> arguments) {
  Options options;
  for (const std::string& argument : arguments) {
    const std::size_t end = argument.find('=');
    require(argument.starts_with("--") && end != argument.npos, argument,
            ": expected --name=value, as one program gives it to the other");
    assign(options, option_named(std::string_view(argument).substr(2, end - 2)), argument.substr(end + 1));
  }
  return options;
}
