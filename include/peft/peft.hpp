// SPDX-License-Identifier: Apache-2.0
// Everything, in the order of its layers. Each header also stands alone.
#pragma once

// Kokkos' life
#include <peft/core/session.hpp>

// The contract
#include <peft/concepts.hpp>
#include <peft/method.hpp>
#include <peft/site.hpp>
#include <peft/version.hpp>

// Gates, deltas and side nets
#include <peft/delta/adalora.hpp>
#include <peft/delta/adapter.hpp>
#include <peft/delta/bias.hpp>
#include <peft/delta/compacter.hpp>
#include <peft/delta/diff_pruning.hpp>
#include <peft/delta/dora.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/houlsby.hpp>
#include <peft/delta/ia3.hpp>
#include <peft/delta/lora.hpp>
#include <peft/delta/low_rank_adapter.hpp>
#include <peft/delta/mam.hpp>
#include <peft/delta/p_tuning.hpp>
#include <peft/delta/pasta.hpp>
#include <peft/delta/pfeiffer.hpp>
#include <peft/delta/prefix.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/delta/seq_bn.hpp>
#include <peft/delta/sora.hpp>
#include <peft/delta/unipelt.hpp>
#include <peft/delta/vera.hpp>
#include <peft/gate/open.hpp>
#include <peft/gate/proximal.hpp>
#include <peft/side/fisher.hpp>
#include <peft/side/gru.hpp>
#include <peft/side/ladder.hpp>
#include <peft/side/lstm.hpp>
#include <peft/side/read.hpp>
#include <peft/side/read_layers.hpp>
#include <peft/side/read_pair.hpp>
#include <peft/side/read_pair_full.hpp>
#include <peft/side/read_with.hpp>
#include <peft/side/rnn.hpp>
#include <peft/side/side_tuning.hpp>

// Backbones, tasks, models
#include <peft/model/bert.hpp>
#include <peft/model/export.hpp>
#include <peft/model/generate.hpp>
#include <peft/model/model.hpp>
#include <peft/task/choose.hpp>
#include <peft/task/classify.hpp>
#include <peft/task/one_of.hpp>
#include <peft/task/tag.hpp>

// Text and data
#include <peft/data/loader.hpp>
#include <peft/data/read_choice.hpp>
#include <peft/data/read_conll.hpp>
#include <peft/data/read_csv.hpp>
#include <peft/data/read_glue.hpp>
#include <peft/data/read_task.hpp>
#include <peft/text/tokenizer.hpp>

// Training
#include <peft/optim/clip.hpp>
#include <peft/optim/sgd.hpp>
#include <peft/train/evaluate.hpp>
#include <peft/train/evaluate_text.hpp>
#include <peft/train/fisher.hpp>
#include <peft/train/fit.hpp>
#include <peft/train/progress.hpp>
#include <peft/train/sparsity_schedule.hpp>
#include <peft/train/use.hpp>
