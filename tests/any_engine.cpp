// SPDX-License-Identifier: Apache-2.0
#include "any_engine.hpp"

namespace any {

template class EngineOf<float>;
template class EngineOf<double>;

}  // namespace any
