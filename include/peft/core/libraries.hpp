// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <memory>
#include <tuple>
#include <typeindex>

#include <peft/core/stored.hpp>

namespace peft {

/// What a worker keeps for the libraries that its ops call, each under a type of its own. Gone with the worker.
class Libraries {
 public:
  /// The worker's one H (a handle, a stream), made when it is first asked for.
  template <class H>
  H& of() {
    auto& kept = kept_[typeid(H)];
    if (!kept) kept = std::make_shared<H>();
    return *static_cast<H*>(kept.get());
  }

  /// What a library makes of a weight before it is used (packed, converted), a cheap handle of it: `make(weight)` is
  /// called once for a weight that lasts, and every time for one that may change, such as a trained one.
  template <class P, class C, class Make>
  P prepared(const Stored<C>& weight, Make&& make) {
    if (!weight.lasting()) return make(weight);
    auto& known = of<std::map<Key, P>>();
    const Key key(weight.address(), weight.type(), weight.rows(), weight.cols());
    const auto found = known.find(key);
    return found != known.end() ? found->second : known.emplace(key, make(weight)).first->second;
  }

 private:
  using Key = std::tuple<const void*, DType, Extent, Extent>;
  std::map<std::type_index, std::shared_ptr<void>> kept_;
};

}  // namespace peft
