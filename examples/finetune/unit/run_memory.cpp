// SPDX-License-Identifier: Apache-2.0
#include "run_memory.hpp"

#include <malloc.h>
#include <omp.h>
#include <pthread.h>

#include <peft/report/memory.hpp>
#include <peft/report/numbers.hpp>

#include <algorithm>
#include <vector>

using namespace peft;
using namespace peft::report;

namespace {

constexpr std::uint64_t number = sizeof(float);
constexpr const char *base_name = "the program, the tokenizer and the data",
                     *files_name = "the checkpoint as it is mapped";

void add(const Job& job, report::Need need) { job.memory.add(std::move(need)); }

/// Of what is as large as what is trained.
std::string fewer_trained(const Options& o) {
  return o.method == "full" ? "--method lora" : "fewer places (--sites) or a smaller --rank";
}

/// The bytes of a thread's stack, and of the page that guards it.
std::uint64_t stack_bytes() {
  pthread_attr_t standard;
  std::size_t bytes = 8 << 20;
  if (pthread_getattr_default_np(&standard) == 0) {
    pthread_attr_getstacksize(&standard, &bytes);
    pthread_attr_destroy(&standard);
  }
  return bytes + 4096;
}

/// Which token ids the run's data hold.
std::vector<bool> words_in(const Job& job) {
  std::vector<bool> seen(static_cast<std::size_t>(job.facts.vocabulary), false);
  const auto add = [&](const Tokenized* data) {
    if (data == nullptr) return;
    for (const std::int32_t id : data->ids())
      if (id >= 0 && static_cast<std::size_t>(id) < seen.size()) seen[static_cast<std::size_t>(id)] = true;
  };
  if (job.loader) add(&job.loader->data());
  add(job.dev_tokens.get());
  add(job.asked_tokens.get());
  return seen;
}

/// Of the checkpoint's files, what is read in the run: of the table of words the rows of words that occur, of all else
/// everything.
std::uint64_t read_bytes(const Job& job, const BackboneUse& backbone, bool all_words) {
  std::vector<std::span<const std::byte>> parts;
  for (const auto& [name, tensor] : backbone.store.tensors()) {
    const auto source = backbone.store.source(name);
    if (name != backbone.words || all_words || source.data() != tensor.address()) {
      parts.push_back(source);
      continue;
    }
    const std::vector<bool> seen = words_in(job);
    const std::size_t row = static_cast<std::size_t>(tensor.cols()) * number;
    for (std::size_t id = 0; id < std::min(seen.size(), static_cast<std::size_t>(tensor.rows())); ++id)
      if (seen[id]) parts.push_back(source.subspan(id * row, row));
  }
  return resident_when_read(std::move(parts));
}

}  // namespace

int workers_of(const Options& o) { return o.workers > 0 ? o.workers : omp_get_num_procs(); }

void foresee_start(const Job& job) {
  const std::uint64_t most = peak_memory();
  malloc_trim(0);  // what reading the data has left
  const MemorySizes now = memory_now();
  add(job, {base_name, now, Phase::loading, Phase::checking, job.options.limit > 0 ? "" : "--limit"});
  add(job, {"reading the data", {most, now.address, now.data}, Phase::reading, Phase::reading});
  // Batches of few groups let threads go, which may still be going when others take their places.
  const int workers = workers_of(job.options);
  const std::uint64_t threads = static_cast<std::uint64_t>(workers - 1),
                      stacks = static_cast<std::uint64_t>(threads + std::max(workers - 2, 0)) * stack_bytes();
  add(job, {"stacks of the workers",
            {threads << 17, stacks, stacks},
            Phase::training,
            Phase::checking,
            threads > 0 ? "--workers 1" : ""});
  // What grows by pieces: the heap, tables of files, the pages of code.
  add(job, {"the heap's rounding", {1 << 20, 2 << 20, 2 << 20}});
}

void foresee_loading(const Job& job, const LoadSizes& sizes) {
  const MemorySizes now = memory_now();
  const auto base = std::find_if(job.memory.needs().begin(), job.memory.needs().end(),
                                 [](const report::Need& n) { return n.name == base_name; });
  add(job, {files_name, {0, (now - base->sizes).address, 0}});
  add(job, {"weights converted to F32 or turned", written(sizes.copied)});
  add(job, {"converting them", written(sizes.passing), Phase::loading, Phase::loading});
  job.memory.check();
}

void foresee_tensors(const Job& job, const BackboneUse& backbone, const Layout& layout) {
  const Options& o = job.options;
  std::uint64_t most = 0;
  for (const Field& f : layout.fields())
    if (f.role != Role::derived) most = std::max(most, static_cast<std::uint64_t>(f.size()) * number);
  const bool trains = o.epochs > 0, trains_words = layout.find(backbone.words) != nullptr;
  const std::uint64_t values = static_cast<std::uint64_t>(layout.size()) * number,
                      gradient = static_cast<std::uint64_t>(layout.gradient_size()) * number,
                      trained = static_cast<std::uint64_t>(layout.trained()) * number,
                      workers = static_cast<std::uint64_t>(workers_of(o));
  std::uint64_t mapped = 0;
  for (const report::Need& need : job.memory.needs())
    if (need.name == files_name) mapped = need.sizes.address;
  add(job, {files_name,
            {read_bytes(job, backbone, backbone.reads_words || trains_words || !o.export_to.empty()), mapped, 0}});
  add(job, {"values of what is trained", written(values), Phase::loading, Phase::checking, fewer_trained(o)});
  add(job, {"giving them their first values", written(most), Phase::loading, Phase::loading});
  add(job, {"their gradient", written(gradient), Phase::training, Phase::checking, fewer_trained(o)});
  const std::uint64_t each = static_cast<std::uint64_t>(layout.group_size()) * number;
  add(job, {cat("a gradient of each worker's own (", workers, ")"), written(each * workers), Phase::training,
            Phase::checking, workers > 1 && each > 0 ? cat("--workers 1: ", bytes(each * (workers - 1))) : ""});
  if (trains)
    add(job, {"AdamW's two moments", written(2 * gradient), Phase::training, Phase::saving, fewer_trained(o)});
  if (trains && o.patience > 0)
    add(job, {"the best epoch's values", written(values), Phase::training, Phase::saving, "--patience 0"});
  if (trains) {
    // A checkpoint of the run is written from copies; without one the values alone are looked at. Resuming reads into
    // such copies.
    const std::uint64_t all = values * (o.patience > 0 ? 2 : 1) + 2 * gradient;
    MemorySizes copies = written(o.out.empty() ? values : all);
    if (o.resume) copies = copies + MemorySizes{all, all, 0};
    add(job,
        {"copies for the run's checkpoint", copies, Phase::saving, Phase::saving, o.out.empty() ? "" : "no --out"});
  }
  if (!o.out.empty()) add(job, {"copies for what is saved", written(trained), Phase::writing, Phase::writing});
  if (!o.export_to.empty()) {
    std::uint64_t all = trained;
    for (const auto& [name, tensor] : backbone.store.tensors()) all += tensor.size() * number;
    add(job, {"merged weights for --export", written(all), Phase::exporting, Phase::exporting, "no --export"});
    add(job, {"the exported model, opened again", {all, all, 0}, Phase::checking, Phase::checking, "no --export"});
  }
  job.memory.check();
}

LargestGroups largest_groups(const Job& job, const std::function<GroupShape(const Batch&)>& of) {
  LargestGroups most;
  // Later epochs of a long run are cut as the first ones are.
  constexpr std::size_t enough = 1 << 20;  // examples
  const auto training = [&](const auto* loader) {
    if (loader == nullptr) return;
    for (int epoch = 0; epoch < job.options.epochs && static_cast<std::size_t>(epoch) * loader->data().size() < enough;
         ++epoch)
      for (std::int64_t step = 0; step < loader->steps(epoch); ++step)
        most.training = grown(most.training, of(loader->batch(epoch, step)));
  };
  const auto looking = [&](const auto* data) {
    if (data != nullptr)
      in_batches(*data, 64, [&](const Batch& batch) { most.looking = grown(most.looking, of(batch)); });
  };
  training(job.loader.get());
  training(job.pair_loader.get());
  looking(job.dev_tokens.get());
  looking(job.asked_tokens.get());
  looking(job.dev_pairs.get());
  return most;
}

void foresee_steps(const Job& job, const StepRoom& room) {
  const Options& o = job.options;
  const std::uint64_t workers = static_cast<std::uint64_t>(workers_of(o)),
                      each = std::min(room.reserved, std::max(room.training, room.looking));
  const auto sizes = [&](std::uint64_t n) { return MemorySizes{each * n, room.reserved * n, room.reserved * n}; };
  add(job, {cat("activations of ", workers, workers == 1 ? " worker" : " workers"), sizes(workers), Phase::training,
            Phase::checking,
            cat(workers > 1 ? cat("--workers 1: ", bytes(each * (workers - 1)), ", or ") : "", "a --max-length below ",
                std::max(job.longest(), job.decoder_longest()))});
  if (!o.export_to.empty())
    add(job, {"activations of the exported model", written(std::min(room.looking, room.reserved) * workers),
              Phase::checking, Phase::checking, "no --export"});
  if (job.dev_tokens) {
    const std::uint64_t rows =
        64 * static_cast<std::uint64_t>(job.train.tagged ? job.dev_tokens->longest() : job.dev_tokens->together());
    // A piece as it is computed, and beside it as it is written or compared.
    add(job, {"logits of 64 dev examples", written(2 * rows * static_cast<std::uint64_t>(job.labels()) * number),
              Phase::training, Phase::checking});
    add(job,
        {"decisions on dev", written(2 * job.dev_tokens->size() * sizeof(double)), Phase::training, Phase::checking});
  }
  job.memory.check();
}

void foresee_texts(const Job& job, const std::function<std::size_t(std::span<const std::vector<std::int32_t>>)>& of) {
  std::size_t most = 0;
  const bool classes = job.words && !job.words->task.regression();
  for (const TokenizedPairs* data : {job.dev_prompts.get(), classes ? nullptr : job.asked_prompts.get()}) {
    if (data == nullptr) continue;
    std::vector<std::vector<std::int32_t>> prompts;
    for (std::size_t i = 0; i < data->size(); ++i) prompts.emplace_back(data->prompt(i).begin(), data->prompt(i).end());
    std::stable_sort(prompts.begin(), prompts.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
    most = std::max(most, of(prompts));
  }
  if (most == 0) return;
  add(job, {"writing texts", written(most), Phase::writing, Phase::writing,
            job.options.beams > 1 ? "--beams 1, --max-new-tokens, --texts 0" : "--max-new-tokens, --texts 0"});
  job.memory.check();
}
