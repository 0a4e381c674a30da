// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/data/dataset.hpp>
#include <string_view>

namespace peft {

/// How a sentence's tags are kept. All schemes spell the same entities; as IOB2 every entity begins with B, whichever
/// the file has. As written, I begins an entity where IOB1 has it so (S and E, which IOBES adds, are B and I always).
enum class Tags { Iob2, AsWritten };

/// Reads a file of one word per line, its columns separated by spaces or tabs: the word first, its tag last. Tags are
/// B-TYPE, I-TYPE and O; or in IOBES or BILOU; or B, I and O without types; or types without marks, with O (IO). An
/// empty line ends a sentence; so does a line that begins with -DOCSTART-, in any case, which is left out. A line that
/// begins with '#' is a comment where a sentence begins, unless it is as wide as the others and its last column is a
/// tag. The tags of the training file decide the classes, so give it as `train` when reading another. A file with words
/// alone has no tags. Throws Error naming file and line for whatever is malformed.
Dataset read_conll_file(const std::filesystem::path& file, Labels labels = Labels::Required,
                        const Dataset* train = nullptr, Tags kept = Tags::Iob2);

/// Reads a split ("train", "dev" or "test") from a folder as CoNLL-2003 and its kin are laid out: train, dev (valid,
/// validation, devel) and test with .txt, .tsv, .conll, .iob or .bio; or eng.train, eng.testa, eng.testb.
Dataset read_conll(const std::filesystem::path& folder, std::string_view split, Labels labels = Labels::Required,
                   const Dataset* train = nullptr, Tags kept = Tags::Iob2);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/read_conll.ipp>
#endif
