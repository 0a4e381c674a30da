// SPDX-License-Identifier: Apache-2.0
#pragma once
// The readers of config.json, one per family of models.
#include <peft/io/config/bert.hpp>
#include <peft/io/config/deberta.hpp>
#include <peft/io/config/distilbert.hpp>
#include <peft/io/config/generation.hpp>
#include <peft/io/config/gpt2.hpp>
#include <peft/io/config/llama.hpp>
#include <peft/io/config/model_type.hpp>
#include <peft/io/config/roberta.hpp>
#include <peft/io/config/t5.hpp>
