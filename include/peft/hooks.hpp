// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include <peft/concepts.hpp>
#include <peft/core/error.hpp>
#include <peft/core/fields.hpp>

/// The optional members of a delta and of its gate that are called: each is asked for here and nowhere else, so one that
/// is there by name but cannot be called is refused instead of left out, and what a gate says is never lost, whatever
/// its delta forwards.
namespace peft::hooks {

/// One optional member. `member(d, arguments..)` calls it where D has one, and gives `without` where it has none; a
/// member of that name that does not fit the arguments and the type of `without` does not compile. Found by name: a type
/// that derives from D and from another with the same name finds two.
#define PEFT_HOOK(member, without, signature)                                                                      \
  struct Other_##member {                                                                                          \
    int member;                                                                                                    \
  };                                                                                                               \
  template <class D>                                                                                               \
  struct Both_##member : D, Other_##member {};                                                                     \
  template <class D>                                                                                               \
  concept names_##member = !requires { &Both_##member<D>::member; };                                               \
  template <class D, class... A>                                                                                   \
  constexpr bool fits_##member() {                                                                                 \
    constexpr bool fits = !names_##member<D> || requires(const D& d, A... a) {                                     \
      { d.member(std::forward<A>(a)...) } -> std::same_as<decltype(without)>;                                      \
    };                                                                                                             \
    static_assert(fits,                                                                                            \
                  "peft: there is a member `" #member "` that the engine cannot call; expected: `" signature "`"); \
    return fits;                                                                                                   \
  }                                                                                                                \
  template <class D, class... A>                                                                                   \
  auto member([[maybe_unused]] const D& d, [[maybe_unused]] A&&... a) {                                            \
    if constexpr (names_##member<D> && fits_##member<D, A&&...>())                                                 \
      return d.member(std::forward<A>(a)...);                                                                      \
    else                                                                                                           \
      return without;                                                                                              \
  }

namespace of_delta {
PEFT_HOOK(attaches, true, "bool attaches(const Module& m) const")
PEFT_HOOK(share, void(), "void share(auto& all) const")
PEFT_HOOK(initialise, void(), "void initialise(const auto& backbone, const Module& m, auto&& write) const")
PEFT_HOOK(prepare, void(), "void prepare(auto& c, auto& all) const")
PEFT_HOOK(finish, void(), "void finish(auto& c, auto& all, auto& grads) const")
PEFT_HOOK(regularise, void(), "void regularise(auto& c, auto& all, auto& grads) const")
PEFT_HOOK(penalty, 0., "double penalty(auto& c, auto& all) const")
PEFT_HOOK(after_step, void(), "void after_step(auto& c, auto& all, auto& grads, const StepInfo& step) const")
PEFT_HOOK(settings, void(), "void settings(auto&& says) const")
PEFT_HOOK(settled, true, "bool settled(std::int64_t step, std::int64_t total) const")
}  // namespace of_delta
namespace of_gate {
PEFT_HOOK(regularise, void(), "void regularise(auto& c, auto& modules, auto& grads) const")
PEFT_HOOK(penalty, 0., "double penalty(auto& c, auto& modules) const")
PEFT_HOOK(after_step, void(), "void after_step(auto& c, auto& p, const StepInfo& step) const")
PEFT_HOOK(settings, void(), "void settings(auto&& says) const")
}  // namespace of_gate
#undef PEFT_HOOK

/// A delta with a gate on its bottleneck: its member `gate`.
template <class D>
concept HasGate = requires(const D& d) { requires IsGate<std::remove_cvref_t<decltype(d.gate)>>; };
/// A delta that takes a gate: `template <class G> using gated`.
struct AnyGate;
template <class D>
concept TakesGate = requires { typename D::template gated<AnyGate>; };

using of_delta::attaches, of_delta::share, of_delta::initialise, of_delta::prepare, of_delta::finish, of_delta::settled;

// What a delta and its gate both do: the delta first.
template <class D>
void regularise(const D& d, auto& c, auto& all, auto& grads) {
  of_delta::regularise(d, c, all, grads);
  if constexpr (HasGate<D>) of_gate::regularise(d.gate, c, all.modules, grads.modules);
}
template <class D>
double penalty(const D& d, auto& c, auto& all) {
  double sum = of_delta::penalty(d, c, all);
  if constexpr (HasGate<D>) sum += of_gate::penalty(d.gate, c, all.modules);
  return sum;
}
template <class D>
void after_step(const D& d, auto& c, auto& all, auto& grads, const StepInfo& step) {
  of_delta::after_step(d, c, all, grads, step);
  if constexpr (HasGate<D>)
    for (auto& p : all.modules) of_gate::after_step(d.gate, c, p, step);
}
template <class D>
void settings(const D& d, auto&& says) {
  of_delta::settings(d, says);
  if constexpr (HasGate<D>) of_gate::settings(d.gate, says);
}

/// True, or does not compile: every optional member of D, and of its gate, can be called. (`initialise` depends on the
/// backbone and is looked at where there is one.)
template <class D>
constexpr bool fit() {
  if constexpr (HasParams<D>) {
    using M = check::M;
    using C = check::Ctx;
    using A = All<D, M>;
    const auto says = [](const auto&, const auto&) {};
    using Says = decltype(says);
    static_assert(of_delta::names_penalty<D> || !of_delta::names_regularise<D>,
                  "peft: the delta has `regularise` and no `penalty` whose gradient it would be: "
                  "`double penalty(auto& c, auto& all) const`");
    bool fits = of_delta::fits_attaches<D, const Module&>() && of_delta::fits_share<D, A&>() &&
                of_delta::fits_prepare<D, C&, A&>() && of_delta::fits_finish<D, C&, A&, A&>() &&
                of_delta::fits_regularise<D, C&, A&, A&>() && of_delta::fits_penalty<D, C&, A&>() &&
                of_delta::fits_after_step<D, C&, A&, A&, const StepInfo&>() && of_delta::fits_settings<D, Says&>() &&
                of_delta::fits_settled<D, std::int64_t, std::int64_t>();
    if constexpr (HasGate<D>) {
      using G = std::remove_cvref_t<decltype(D::gate)>;
      using P = check::P<D>;
      using Modules = std::vector<P>;
      static_assert(std::derived_from<P, check::P<G>>,
                    "peft: the delta's Params do not hold its gate's: `struct Params : G::template Params<V>`");
      static_assert(of_gate::names_penalty<G> || !of_gate::names_regularise<G>,
                    "peft: the gate has `regularise` and no `penalty` whose gradient it would be: "
                    "`double penalty(auto& c, auto& modules) const`");
      fits = fits && of_gate::fits_regularise<G, C&, Modules&, Modules&>() &&
             of_gate::fits_penalty<G, C&, Modules&>() && of_gate::fits_after_step<G, C&, P&, const StepInfo&>() &&
             of_gate::fits_settings<G, Says&>();
    }
    return fits;
  }
  return true;
}

/// Throws Error where D lists a derived tensor, of the fields from `first` on, and does not say how it is made
/// (`prepare`), or where its gradient goes (`finish`): it would train nothing.
template <class D>
void require_derived(const Layout& layout, std::size_t first) {
  if constexpr (!of_delta::names_prepare<D> || !of_delta::names_finish<D>)
    for (std::size_t i = first; i < layout.fields().size(); ++i)
      require(layout.fields()[i].role != Role::derived, layout.fields()[i].name,
              ": the delta declares it as derived, and has no member `",
              of_delta::names_prepare<D> ? "finish(c, all, grads)`, which turns its gradient back"
                                         : "prepare(c, all)`, which fills it",
              " (peft/hooks.hpp)");
}

}  // namespace peft::hooks
