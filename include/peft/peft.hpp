// SPDX-License-Identifier: Apache-2.0
// Everything, in the order of its layers. Each header also stands alone.
#pragma once

// The contract
#include <peft/version.hpp>
#include <peft/site.hpp>
#include <peft/concepts.hpp>
#include <peft/method.hpp>

// Gates and deltas
#include <peft/gate/open.hpp>
#include <peft/gate/proximal.hpp>
#include <peft/delta/bias.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/lora.hpp>
#include <peft/delta/sora.hpp>

// Backbones, tasks, models
#include <peft/model/bert.hpp>
#include <peft/model/export.hpp>
#include <peft/model/model.hpp>
#include <peft/task/classify.hpp>

// Text and data
#include <peft/data/loader.hpp>
#include <peft/data/read_task.hpp>
#include <peft/text/tokenizer.hpp>

// Training
#include <peft/train/evaluate.hpp>
#include <peft/train/fit.hpp>
#include <peft/train/progress.hpp>
