// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tuple>
#include <type_traits>
#include <utility>

#include <peft/parts.hpp>

namespace peft {

template <class P>
inline constexpr bool is_gate = false;
template <class G>
inline constexpr bool is_gate<Gate<G>> = true;

/// The type of part P of a method once gate G is put on its bottleneck.
template <class P, class G>
struct Gated {
  using type = P;
};
template <class D, class Where, class G>
  requires requires { typename D::template gated<G>; }
struct Gated<Delta<D, Where>, G> {
  using type = Delta<typename D::template gated<G>, Where>;
};

struct AnyGate;
/// Is D a, or what a is without its gate?
template <class A, class D>
inline constexpr bool same_but_gate = std::is_same_v<A, D>;
template <class A, class D>
  requires(!std::is_same_v<A, D>) && requires {
    typename A::template gated<AnyGate>;
    typename D::template gated<AnyGate>;
  }
inline constexpr bool same_but_gate<A, D> =
    std::is_same_v<typename A::template gated<AnyGate>, typename D::template gated<AnyGate>>;

/// A part of a method that is given by its settings alone.
template <class P>
struct AsPart {};
template <HasRoute P>
struct AsPart<P> {
  using type = Delta<P>;
};
template <class D, class Where>
struct AsPart<Delta<D, Where>> {
  using type = Delta<D, Where>;
};

/// The parts of a method whose last is a gate, with the gate put on every bottleneck before it.
template <class... Parts>
constexpr bool ends_with_gate() {
  const bool gates[] = {is_gate<Parts>..., false};
  for (std::size_t i = 0; i < sizeof...(Parts); ++i)
    if (gates[i] != (i + 1 == sizeof...(Parts))) return false;
  return sizeof...(Parts) > 1;
}
template <class Parts, class Before>
struct WithGate;

/// What is trained: deltas, side nets, and at most one gate for all of them. `Method<Delta<LoRA<8>, At<Linear>>,
/// Gate<Proximal>>` is SoRA; `Method<>` trains the task's head alone.
template <class... Parts>
struct Method {
  static_assert(!(is_gate<Parts> || ... || false), "peft::Method: the gate comes last, and there is one at the most");

  using Plain = Method;  // what a method with a gate comes down to
  using Deltas = std::tuple<Parts...>;
  static constexpr std::size_t size = sizeof...(Parts);

  Method() = default;
  explicit Method(Parts... parts)
    requires(sizeof...(Parts) > 0)
      : deltas(std::move(parts)...) {}
  /// Settings by name, where the types say they sit: `Method<Delta<LoRA<8>>>({.alpha = 32})`.
  Method(typename Parts::type... settings)
    requires(size > 0)
      : deltas(Parts{std::move(settings)}...) {}

  template <class... Given>
    requires(size > 1 && sizeof...(Given) == size &&
             ((std::is_same_v<Given, Parts> || std::is_same_v<Given, typename Parts::type>) && ...))
  explicit Method(Given... given) : deltas(Parts{std::move(given)}...) {}

  /// The settings of the delta of type D, which may be said without the gate that the method puts on it.
  template <class D>
  auto& get() {
    return std::get<index<D>()>(deltas).delta;
  }
  template <class D>
  const auto& get() const {
    return std::get<index<D>()>(deltas).delta;
  }

  Deltas deltas;

  template <std::size_t i>
  using type = typename std::tuple_element_t<i, Deltas>::type;
  template <std::size_t i>
  using places = typename std::tuple_element_t<i, Deltas>::places;

 private:
  template <class D>
  static constexpr std::size_t index() {
    constexpr std::size_t found = (std::size_t{same_but_gate<typename Parts::type, D>} + ... + 0);
    static_assert(found > 0, "peft::Method::get<D>: the method has no delta of this type");
    static_assert(found < 2,
                  "peft::Method::get<D>: the method has several deltas of this type: "
                  "std::get<i>(method.deltas).delta, counted from 0");
    std::size_t i = 0;
    (void)((same_but_gate<typename Parts::type, D> || (++i, false)) || ... || false);
    return i;
  }
};
/// `Method m{LoRA<8>{.alpha = 32}}`: deltas at their own places.
template <class... P>
  requires(requires { typename AsPart<P>::type; } && ...)
Method(P...) -> Method<typename AsPart<P>::type...>;

template <class... Parts, std::size_t... i>
struct WithGate<std::tuple<Parts...>, std::index_sequence<i...>> {
  template <std::size_t k>
  using Part = std::tuple_element_t<k, std::tuple<Parts...>>;
  using G = decltype(Part<sizeof...(i)>::gate);
  static_assert(
      (!std::is_same_v<typename Gated<Part<i>, G>::type, Part<i>> || ...),
      "peft::Method: no delta has a bottleneck that a gate could act on (no `template <class G> using gated`)");
  using type = Method<typename Gated<Part<i>, G>::type...>;
};
/// The same with the gate put on every bottleneck: deltas first, the gate last.
template <class... Parts>
  requires(ends_with_gate<Parts...>())
struct Method<Parts...> : WithGate<std::tuple<Parts...>, std::make_index_sequence<sizeof...(Parts) - 1>>::type {
  using Base = typename WithGate<std::tuple<Parts...>, std::make_index_sequence<sizeof...(Parts) - 1>>::type;
  using Base::Base;
};

/// A method as a backbone has it: every delta in its form there.
template <class P, class Backbone>
struct PartOn {
  using type = P;
};
template <class D, class Where, class Backbone>
struct PartOn<Delta<D, Where>, Backbone> {
  using type = Delta<typename FormOn<D, Backbone>::type, Where>;
};
template <class M, class Backbone>
struct MethodOn {
  using type = M;
  static const M& from(const M& method) { return method; }
};
template <class... P, class Backbone>
  requires(!std::is_same_v<typename PartOn<P, Backbone>::type, P> || ...)
struct MethodOn<Method<P...>, Backbone> {
  using type = Method<typename PartOn<P, Backbone>::type...>;
  static type from(const Method<P...>& method) {
    return std::apply([](const P&... part) { return type(one(part)...); }, method.deltas);
  }

 private:
  template <class D, class Where>
  static auto one(const Delta<D, Where>& part) {
    using Form = FormOn<D, Backbone>;
    if constexpr (std::is_same_v<typename Form::type, D>)
      return part;
    else
      return Delta<typename Form::type, Where>{Form::from(part.delta), part.mask, part.layers, part.only};
  }
};

/// Calls `f(std::integral_constant<std::size_t, i>)` for every delta of a method.
template <class M, class F>
constexpr void for_each_delta(F&& f) {
  [&]<std::size_t... i>(std::index_sequence<i...>) {
    (f(std::integral_constant<std::size_t, i>{}), ...);
  }(std::make_index_sequence<M::size>{});
}

/// Does `question`, asked of a delta's type, hold for any delta of a method?
template <class M, class F>
constexpr bool any_delta(F question) {
  return [&]<std::size_t... i>(std::index_sequence<i...>) {
    return (question.template operator()<typename M::template type<i>>() || ... || false);
  }(std::make_index_sequence<M::size>{});
}

constexpr bool all_of_kind(SiteSet sites, Kind kinds) {
  for (const SiteInfo& s : site_table)
    if (sites.contains(s.site) && !has(kinds, s.kind)) return false;
  return true;
}

template <class M>
constexpr bool has_side_net() {
  return any_delta<M>([]<class D>() { return D::route == Route::side; });
}

/// Does a delta of the method train biases of its own where the backbone has none?
template <class M>
constexpr bool adds_biases() {
  return any_delta<M>([]<class D>() { return brings_biases<D>(); });
}

/// The sites of delta i of method M on `Backbone`, with everything that can be wrong about them refused in words.
template <class Backbone, class M, std::size_t i>
constexpr SiteSet sites_of() {
  using D = typename M::template type<i>;
  using Places = typename M::template places<i>;
  static_assert(
      Places::template resolves<Backbone>(),
      "peft::At: a name matches no site of this backbone. Common names: attn.q attn.k attn.v attn.out ff.up ff.down "
      "attn.norm ff.norm attn ff layer attn.prefix input embed.word embed.position embed.type embed.norm pooler; "
      "or the checkpoint's own, with * for the layer (Backbone::path)");
  constexpr SiteSet sites = Places::template sites<Backbone>();
  constexpr SiteSet missing{sites.bits & ~Backbone::sites.bits};
  static_assert(
      D::route != Route::prefix || Backbone::sites.contains(Site::self_attention),
      "peft::Delta: a prefix has no place in this backbone: its attention scores the distance of every key, and keys of no token "
      "have none");
  static_assert(missing.empty() || D::route == Route::prefix, "peft::At: the backbone has no such site");
  static_assert(
      all_of_kind(sites, D::fits),
      "peft::Delta: the delta does not fit one of these sites: compare its `fits` with the sites' kinds (peft/site.hpp)");
  static_assert(
      D::route != Route::branch ||
          ((sites & (Tables | Layer)).empty() && ((sites & Norm).empty() || sits_between_norms<D>())),
      "peft::Delta: a branch sits on a linear site, on attn or on ff; on a norm if it says `between_norms` (peft/concepts.hpp)");
  static_assert(D::route != Route::pre || (sites & (Norm | Tables | Attention | CrossAttention | Ffn)).empty(),
                "peft::Delta: a pre delta sits on a linear site or on layer");
  static_assert(!has(needs_of<D>(), Need::special_tokens) || adds_special_tokens<Backbone>(),
                "peft::Delta: the delta acts on special tokens, and this backbone's tokenizer puts none around a text "
                "(Backbone::special_tokens)");
  static_assert(
      !has(needs_of<D>(), Need::biases) || has_biases<Backbone>() || adds_biases<M>(),
      "peft::Delta: the delta trains the backbone's biases, and this backbone has none (Family::biases): AddedBias adds some "
      "(peft/delta/added_bias.hpp)");
  static_assert(
      !has(needs_of<D>(), Need::one_stack) || !encodes<Backbone>(),
      "peft::SideNet: the net follows one stack of layers, and this backbone has an encoder and a decoder: ReadPair, Ladder");
  static_assert(
      !taps_attention<D>() || encodes<Backbone>(),
      "peft::SideNet: the net reads how a decoder attends to its encoder, and this backbone has no such attention: Read");
  static_assert(
      !has_side_net<M>() || D::route == Route::side || (sites.bits & ~Pooler.bits) == 0,
      "peft::Method: no gradient goes back through what a side net sees, so nothing below the pooler is trained beside it");
  return sites;
}

/// True, or does not compile: every delta of M fits its places. Asked for first, so that the words come before anything
/// else.
template <class Backbone, class M>
constexpr bool places_fit() {
  return []<std::size_t... i>(std::index_sequence<i...>) {
    return ((sites_of<Backbone, M, i>(), true) && ... && true);
  }(std::make_index_sequence<M::size>{});
}

/// Does delta i of M sit on site S of the backbone (as far as types know)?
template <class Backbone, class M, std::size_t i, Site S>
inline constexpr bool sits_on = sites_of<Backbone, M, i>().contains(S);

template <class Backbone, class M, Site S, Route route>
constexpr bool any_on() {
  return []<std::size_t... i>(std::index_sequence<i...>) {
    return ((sits_on<Backbone, M, i, S> && M::template type<i>::route == route) || ... || false);
  }(std::make_index_sequence<M::size>{});
}

/// Does a delta of the method act on special tokens?
template <class M>
constexpr bool acts_on_special_tokens() {
  return any_delta<M>([]<class D>() { return has(needs_of<D>(), Need::special_tokens); });
}

/// Is every part of the method a side net (or is there none)? Then no gradient crosses the backbone.
template <class M>
constexpr bool beside_backbone() {
  return !any_delta<M>([]<class D>() { return D::route != Route::side; });
}
template <class M, Route route>
constexpr int count_route() {
  return []<std::size_t... i>(std::index_sequence<i...>) {
    return ((M::template type<i>::route == route ? 1 : 0) + ... + 0);
  }(std::make_index_sequence<M::size>{});
}
/// Does a side net of the method see every row of every layer?
template <class M>
constexpr bool taps_all() {
  return any_delta<M>([]<class D>() { return D::route == Route::side && taps_all_rows<D>(); });
}

}  // namespace peft
