// SPDX-License-Identifier: Apache-2.0
#include "any_engine.hpp"

namespace untyped {

template class EngineOf<float, Space>;
template class EngineOf<double, Space>;

}  // namespace untyped
