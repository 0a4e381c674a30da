// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <peft/data/dataset.hpp>
#include <string>
#include <vector>

namespace peft {

/// Where the classes of some data stand among those of a head. The head's order counts, not the data's: what is saved
/// of the head is read by others under the names that the checkpoint has for its rows.
struct LabelOrder {
  enum class By {
    Data,     ///< no head has these classes: they keep their own order, and a head of them begins fresh
    Names,    ///< every class by its name
    Numbers,  ///< no name of one is a name of the other: class i is class i
    Both,     ///< some by their names, the others one after the other
  };
  By by = By::Data;
  std::vector<std::string> names;    // of all classes, by index: spelled as in the data, where these have them
  std::vector<std::int32_t> places;  // by class of the data: its index in `names`

  bool keeps_order() const;  ///< is every class where the data have it?
};

/// The order of `data`'s classes for a head of the classes `head` (empty: nothing is known of one). Names are compared
/// without their case, and without '-', '_' and spaces, unless two of one list would then be the same. A head of
/// another number of classes is not of these, but with `more` it may have classes that do not occur in the data.
LabelOrder label_order(const std::vector<std::string>& head, const std::vector<std::string>& data, bool more = false);

/// Are the names nothing but numbers: LABEL_0, LABEL_1, .. as transformers writes them, or 0, 1, ..?
bool labels_are_numbers(const std::vector<std::string>& names);

/// The same data with their classes in that order; `places` must be of its classes.
void reorder_labels(Dataset& data, const LabelOrder& order);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/label_order.ipp>
#endif
