// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/atomic_files.hpp>
#include <peft/io/peft_save.hpp>
#include <peft/model/peft_files.hpp>
#include <peft/train/evaluate_text.hpp>
#include <peft/train/fit.hpp>

#include <concepts>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "job.hpp"
#include "modules.hpp"

using Score = std::function<peft::metric::Scores()>;

/// What of a delta PEFT's files hold.
struct InPeftFiles {
  bool all = false;
  std::string checksum;  // of those that stand beside our own file; "": there are none
};

/// A model that a run trains, whatever its type: so runs are compiled once, not for every backbone, method and task.
struct Trainee {
  ModelFacts facts;
  std::size_t step_bytes = 0;  // per worker
  std::string label;           // what the tree shows beside each of the method's modules
  std::function<peft::History(const peft::FitOptions&, const Score&)> train;
  std::function<std::vector<peft::HostTensor>()> tensors;  // all that its delta is
  std::map<std::string, std::string> settings;             // what their meaning depends on
  /// To --out, where it is given: what Hugging Face PEFT has files for.
  std::function<InPeftFiles(peft::AtomicFiles&, Job::Result&)> stage_for_peft;
};
template <class M>
Trainee trainee_of(const peft::Engine<M>& engine, std::size_t step_bytes, const std::string& label) {
  return {facts_of(engine),
          step_bytes,
          label,
          {},
          [&model = engine.model()] { return peft::saved_tensors(model); },
          peft::settings_of(engine.model()),
          {}};
}

/// One that gives classes or scores.
struct Reader : Trainee {
  std::function<std::vector<float>(const peft::Batch&)> predict;  // logits
  std::function<void(const std::filesystem::path& folder, const std::vector<std::string>& labels)> export_to;
  std::function<double()> compare_exported;  // the largest difference of a dev logit
};
/// One that writes.
struct Writer : Trainee {
  std::function<std::vector<double>(const peft::Batch&)> losses;  // of sequences
  std::function<std::vector<std::string>(const peft::TokenizedPairs&, const peft::GenerateOptions&,
                                         const peft::Decode&)>
      write;
};

/// Runs a whole job with a model; returns the exit status.
int run_job(const Job& job, const Reader& model);
/// The same from text to text.
int run_job(const Job& job, const Writer& model);

/// Is D a LoRA with gates that can be folded in, and may have pruned ranks?
template <class D>
concept gated = peft::LowRank<D> && !std::same_as<decltype(D::gate), peft::Open>;

/// Do PEFT's files say what the method does where it sits? If not, why is said in a line.
template <class M>
bool fits_peft(const M& model, const Job& job) {
  const std::string reason = peft::not_in_peft(model);
  if (!reason.empty()) job.notes.add(peft::cat("--out holds this library's own file alone: ", reason));
  return reason.empty();
}

/// A reader's. A gated LoRA's pruned ranks, which are counted into `result`, have a folder of their own.
template <class M>
InPeftFiles stage_reader_for_peft(peft::AtomicFiles& files, const M& model, const Job& job, Job::Result& result) {
  using namespace peft;
  using D = ContentsOf<M>;
  const std::filesystem::path out = job.options.out;
  if constexpr (gated<D>) {
    PeftLora lora = to_peft(model, job.base_model());
    lora.labels = job.head_labels();
    const auto& modules = std::get<0>(model.values().all).modules;
    for (std::size_t k = 0; k < modules.size(); ++k) {
      result.rank_total += rows(modules[k].A);
      result.rank_kept += lora.modules[k].rank;
    }
    if (!out.empty()) stage_peft_lora(files, out / "pruned", lora);
  }
  if constexpr (InPeft<D> || (HasPeftFiles<D> && !gated<D>)) {
    if (out.empty() || !fits_peft(model, job)) return {};
    return {!peft_files_are_lossy<D>(), stage_adapter(files, model, out, job.base_model(), job.head_labels())};
  } else {
    return {};
  }
}

/// A writer's.
template <class M>
InPeftFiles stage_writer_for_peft(peft::AtomicFiles& files, const M& model, const Job& job) {
  using namespace peft;
  using D = ContentsOf<M>;
  if constexpr (HasPeftFiles<D>) {
    if (job.options.out.empty() || !fits_peft(model, job)) return {};
    return {!peft_files_are_lossy<D>(), stage_adapter(files, model, job.options.out, job.base_model())};
  } else {
    return {};
  }
}
