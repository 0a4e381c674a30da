// SPDX-License-Identifier: Apache-2.0
#pragma once
// Everything that a program with PEFT_SEPARATE compiles once; core/inline.hpp tells what for.
#ifndef PEFT_SEPARATE
#error "peft/source.hpp is for programs that define PEFT_SEPARATE in every unit"
#endif

#include <peft/core/error.ipp>
#include <peft/core/exact.ipp>
#include <peft/core/fields.ipp>
#include <peft/data/batch.ipp>
#include <peft/data/csv.ipp>
#include <peft/data/glue.ipp>
#include <peft/data/glue_text.ipp>
#include <peft/data/loader.ipp>
#include <peft/data/pair_dataset.ipp>
#include <peft/data/read_choice.ipp>
#include <peft/data/read_conll.ipp>
#include <peft/data/read_csv.ipp>
#include <peft/data/read_e2e.ipp>
#include <peft/data/read_glue.ipp>
#include <peft/data/read_glue_pairs.ipp>
#include <peft/data/read_pairs.ipp>
#include <peft/data/read_task.ipp>
#include <peft/data/row.ipp>
#include <peft/data/selection.ipp>
#include <peft/data/shuffle.ipp>
#include <peft/data/table.ipp>
#include <peft/data/tokenized.ipp>
#include <peft/data/tokenized_pairs.ipp>
#include <peft/data/tsv.ipp>
#include <peft/io/near_names.ipp>
#include <peft/ops/gemm.ipp>
#include <peft/ops/tile.ipp>
#include <peft/report/console.ipp>
#include <peft/report/memory.ipp>
#include <peft/report/numbers.ipp>
#include <peft/report/plan.ipp>
#include <peft/report/table.ipp>
#include <peft/report/tree.ipp>
#include <peft/report/width.ipp>
#include <peft/task/metric/glue.ipp>
#include <peft/text/tokenizer.ipp>
#include <peft/train/checkpoint.ipp>
#include <peft/train/groups.ipp>
#include <peft/train/meter.ipp>
#include <peft/train/progress.ipp>
