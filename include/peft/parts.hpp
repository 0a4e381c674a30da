// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <set>
#include <string>

#include <peft/concepts.hpp>
#include <peft/hooks.hpp>

// The parts of a method: a delta at its places, a gate, a network beside the backbone.
namespace peft {

/// In place of a rank or a width that comes at run time, and may differ from module to module.
inline constexpr int Dynamic = -1;

template <class D>
struct DefaultPlaces {
  using type = At<>;
};
template <class D>
  requires requires { typename D::Places; }
struct DefaultPlaces<D> {
  using type = typename D::Places;
};
template <class D>
  requires(HasRoute<D> && D::route == Route::side)
struct DefaultPlaces<D> {
  using type = At<only(Site::side)>;
};

/// A delta of type D at the places of `Where`, by default its own. What changes code is a type; at run time `mask`,
/// `layers` and `only` narrow it down.
template <class D, class Where = typename DefaultPlaces<D>::type>
struct Delta {
  static_assert(HasRoute<D>,
                "peft::Delta: this type is no delta: it has no `static constexpr Route route` (peft/concepts.hpp)");
  static_assert(HasKinds<D>,
                "peft::Delta: the delta does not say which kinds of sites it fits: `static constexpr Kind fits`");
  static_assert(HasParams<D>, "peft::Delta: the delta has no `template <class V> struct Params`");
  static_assert(HasKept<D>, "peft::Delta: the delta has no `template <class V> struct Kept` (it may be empty)");
  static_assert(HasDeclare<D>,
                "peft::Delta: the delta has no `void declare(auto& fields, auto& p, const Module& m) const`");
  static_assert(!HasRoute<D> || D::route != Route::branch || HasBranchForward<D>,
                "peft::Delta: a branch needs `void forward(auto& c, const auto& p, auto x, auto y, auto& kept) const`");
  static_assert(
      !HasRoute<D> || D::route != Route::branch || HasBranchBackward<D>,
      "peft::Delta: the delta has a forward but no `void backward(auto& c, const auto& p, auto x, auto dy, const "
      "auto& kept, auto& g, auto dx) const`");
  static_assert(!HasRoute<D> || (D::route != Route::post && D::route != Route::pre) ||
                    (HasMapForward<D> && HasMapBackward<D>),
                "peft::Delta: a pre or post delta needs `forward(c, p, h, kept)` and `backward(c, p, dh, kept, g)`");
  static_assert(RouteIsComplete<D>,
                "peft::Delta: the members that the delta's route asks for are missing (peft/concepts.hpp)");

  static_assert(!std::is_final_v<D>,
                "peft::Delta: the delta is final, and its members cannot be looked through: leave `final` out");
  static_assert(!hooks::TakesGate<D> || hooks::HasGate<D>,
                "peft::Delta: the delta takes a gate (`gated`), and has none: a public member `gate` (IsGate)");
  static_assert(constants_fit<D>() && hooks::fit<D>());

  using type = D;
  using places = Where;

  D delta{};
  SiteSet mask{~std::uint64_t{0}};
  LayerRange layers{};  // of those that the type means
  std::optional<std::set<std::string>> only{};  // modules by path; absent: all of the places
};

/// A gate for every bottleneck of the method that can carry one.
template <class G>
struct Gate {
  G gate{};
};

/// What a side net is called by, and what it is: itself, unless a name stands for a whole family of nets, as a
/// recurrent cell does for READ (side/read_with.hpp). The numbers are the net's: its width.
template <class N, int... numbers>
struct NetOf {
  static_assert(sizeof...(numbers) == 0,
                "peft::SideNet<N, k>: the width k belongs to a recurrent cell, as in "
                "SideNet<GRU, 64> (peft/side/read_with.hpp)");
  using type = N;
};
/// A network beside the backbone: `SideNet<GRU>` is READ, `SideNet<Ladder<8>>` LST. The backbone's backward is never
/// instantiated for a method that is only this.
template <class N, int... numbers>
using SideNet = Delta<typename NetOf<N, numbers...>::type, At<only(Site::side)>>;

/// What delta D is on a backbone: itself, unless it has another form there (`from`: of the same settings), as READ on
/// two stacks.
template <class D, class Backbone>
struct FormOn {
  using type = D;
};

}  // namespace peft
