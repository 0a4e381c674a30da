// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_load.hpp>
#include <peft/io/peft_lora.hpp>
#include <peft/io/peft_save.hpp>
