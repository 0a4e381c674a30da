// SPDX-License-Identifier: Apache-2.0
#pragma once
// Everything that a program with PEFT_SEPARATE compiles once; core/inline.hpp tells what for.
#ifndef PEFT_SEPARATE
#error "peft/source.hpp is for programs that define PEFT_SEPARATE in every unit"
#endif

#include <peft/core/dtype.ipp>
#include <peft/io/atomic_file.ipp>
#include <peft/io/checkpoint.ipp>
#include <peft/io/config/bert.ipp>
#include <peft/io/config/deberta.ipp>
#include <peft/io/config/distilbert.ipp>
#include <peft/io/config/generation.ipp>
#include <peft/io/config/gpt2.ipp>
#include <peft/io/config/llama.ipp>
#include <peft/io/config/model_type.ipp>
#include <peft/io/config/roberta.ipp>
#include <peft/io/config/t5.ipp>
#include <peft/io/delta_file.ipp>
#include <peft/io/json.ipp>
#include <peft/io/json_fields.ipp>
#include <peft/io/mapped_file.ipp>
#include <peft/io/name_pattern.ipp>
#include <peft/io/near_names.ipp>
#include <peft/io/peft_adalora.ipp>
#include <peft/io/peft_adapter.ipp>
#include <peft/io/peft_config.ipp>
#include <peft/io/peft_load.ipp>
#include <peft/io/peft_lora.ipp>
#include <peft/io/peft_prompt.ipp>
#include <peft/io/peft_save.ipp>
#include <peft/io/peft_tensors.ipp>
#include <peft/io/safetensors.ipp>
#include <peft/io/safetensors_header.ipp>
#include <peft/io/safetensors_write.ipp>
#include <peft/io/tensor_ref.ipp>
#include <peft/model/checkpoint_tensors.ipp>
#include <peft/model/export.ipp>
#include <peft/model/peft_files.ipp>
