// SPDX-License-Identifier: Apache-2.0
#pragma once
// Everything that a program with PEFT_SEPARATE compiles once; core/inline.hpp tells what for.
#ifndef PEFT_SEPARATE
#error "peft/source.hpp is for programs that define PEFT_SEPARATE in every unit"
#endif

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
#include <peft/text/tokenizer.ipp>
