// SPDX-License-Identifier: Apache-2.0
#pragma once
// Everything that a program with PEFT_SEPARATE compiles once; core/inline.hpp tells what for.
#ifndef PEFT_SEPARATE
#error "peft/source.hpp is for programs that define PEFT_SEPARATE in every unit"
#endif

#include <peft/core/error.ipp>
#include <peft/core/exact.ipp>
#include <peft/core/fields.ipp>
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
#include <peft/train/checkpoint.ipp>
#include <peft/train/groups.ipp>
#include <peft/train/meter.ipp>
#include <peft/train/progress.ipp>
