// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/task/choose.hpp>
#include <peft/task/classify.hpp>
#include <peft/task/one_of.hpp>
#include <peft/task/tag.hpp>

/// A method is compiled twice: for tasks on the first token, and for tasks on all of them. Which task it is, is said at
/// run time.
using FirstTask = peft::OneOf<peft::Classify, peft::Choose>;
using RowsTask = peft::OneOf<peft::ClassifyMean, peft::Tag>;
