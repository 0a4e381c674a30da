// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include <peft/core/fields.hpp>
#include <peft/core/stored.hpp>
#include <peft/core/worker.hpp>
#include <peft/nn/packed.hpp>
#include <peft/nn/shape.hpp>
#include <peft/site.hpp>

/// The whole contract between a method and the engine, on one page. A delta is a value with hyper-parameters; its
/// tensors live in `Params<V>` (V: a matrix view), listed once by `declare`. Everything marked optional may be left
/// out.
namespace peft {

/// What backward will want to read again; the engine keeps nothing else of a site.
enum class Keep : unsigned { nothing = 0, input = 1 };

/// What of a backbone a delta has no meaning without, as a set. biases: its own, which the delta trains. special_tokens:
/// rows that c.batch->slot names. one_stack: no encoder before the decoder (a side net that follows one stack).
enum class Need : unsigned { nothing = 0, biases = 1, special_tokens = 2, one_stack = 4 };
constexpr Need operator|(Need a, Need b) { return Need(unsigned(a) | unsigned(b)); }
constexpr bool has(Need set, Need bit) { return (unsigned(set) & unsigned(bit)) != 0; }

/// One place where a delta sits. Shapes are those of the site: x (n, in), y (n, out); a table has `in` entries.
struct Module {
  Site site;
  int layer;  // -1 outside the layers
  Extent in, out;
  bool bias;  // whether a linear site has one
  std::string path;  // in the checkpoint's own names
  nn::Shape shape{};  // of the backbone
  bool in_head = false;  // a word table that words are read off with as well
  nn::Spec spec{};  // of the backbone
};

/// Weight and bias of a site; a bias may be empty. Norms: (1, d) each. Tables: bias empty. A weight that is only read
/// carries the type that it is stored in (core/stored.hpp).
template <class V>
struct Weights {
  typename WeightView<V>::type w;
  V b;
};

/// What an op of a delta runs in: the worker, the group of sequences, and the place. A small value: nothing in it is
/// changed and set back.
template <class T, ExecutionSpace E>
struct Context : OnWorker<E> {
  using OnWorker<E>::w;
  const Packed* batch = nullptr;
  int layer = -1;
  bool training = false;
  std::uint64_t seed = 0;  // of this step
  RowIds row_ids{};  // of x: what dropout is drawn from
  /// The backbone's own tensors of the site; in members that see a whole model, one entry per module. Empty where a
  /// site has none.
  const Weights<Mat<const T, E>>* frozen = nullptr;

  Mat<T, E> keep(Extent rows, Extent cols, const char* name = "delta") const {
    return w.template keep<T>(rows, cols, name);
  }
  Mat<T, E> temp(Extent rows, Extent cols, const char* name = "temporary") const {
    return w.template temp<T>(rows, cols, name);
  }
  /// Dropout with probability p for the use named by `salt`; inactive outside training.
  Dropout dropout(double p, std::uint64_t salt) const {
    if (!training || p <= 0) return {};
    return {rng::combine(rng::combine(seed, static_cast<std::uint64_t>(layer + 1)), salt),
            static_cast<std::uint32_t>(p * 4294967296.0), 1 / (1 - p), row_ids.example, row_ids.position};
  }
};

/// Keys and values (n, d) put before those of every sequence.
template <class V>
struct KeysValues {
  V k, v;
};

/// What a step was, for members that run after it.
struct StepInfo {
  double lr = 0;
  std::int64_t step = 0, total = 0;  // step counts from 1
  double gradient_scale = 1;  // clipping's: what the optimizer multiplied the gradients by
};

/// A delta's tensors over a whole model: `shared` once (optional `Shared<V>`), one `Params<V>` per module.
struct NoTensors {};
template <class D, class V>
concept HasShared = requires { typename D::template Shared<V>; };
template <class D, class V>
struct SharedOf {
  using type = NoTensors;
};
template <class D, class V>
  requires HasShared<D, V>
struct SharedOf<D, V> {
  using type = typename D::template Shared<V>;
};
template <class D, class V>
struct All {
  typename SharedOf<D, V>::type shared;
  std::vector<typename D::template Params<V>> modules;
};

// Stand-ins that a concept checks signatures with.
namespace check {
using T = float;
using M = Mat<T>;
using C = Mat<const T>;
using Ctx = Context<T, Host>;
template <class D>
using P = typename D::template Params<M>;
template <class D>
using K = typename D::template Kept<M>;
}  // namespace check

template <class D>
concept HasRoute = requires {
  { D::route } -> std::convertible_to<Route>;
};
template <class D>
concept HasKinds = requires {
  { D::fits } -> std::convertible_to<Kind>;
};
template <class D>
concept HasParams = std::default_initializable<check::P<D>>;
/// `void declare(auto& fields, auto& p, const Module& m) const`: lists the tensors of one module.
template <class D>
concept HasDeclare =
    requires(const D d, Fields<float, Host>& f, check::P<D>& p, const Module& m) { d.declare(f, p, m); };
/// `Kept<V>`: views into the workspace that forward fills and backward reads.
template <class D>
concept HasKept = std::default_initializable<check::K<D>>;

/// branch: y += f(x). backward adds to the gradients g, and to dx unless dx is empty (nothing below wants it).
template <class D>
concept HasBranchForward = requires(const D d, check::Ctx& c, const check::P<D>& p, check::C x, check::M y,
                                    check::K<D>& k) { d.forward(c, p, x, y, k); };
template <class D>
concept HasBranchBackward =
    requires(const D d, check::Ctx& c, const check::P<D>& p, check::C x, check::C dy, const check::K<D>& k,
             check::P<D>& g, check::M dx) { d.backward(c, p, x, dy, k, g, dx); };
/// post, pre: in place on h; backward turns dh from the gradient of the result into that of the argument.
template <class D>
concept HasMapForward =
    requires(const D d, check::Ctx& c, const check::P<D>& p, check::M h, check::K<D>& k) { d.forward(c, p, h, k); };
template <class D>
concept HasMapBackward = requires(const D d, check::Ctx& c, const check::P<D>& p, check::M dh, const check::K<D>& k,
                                  check::P<D>& g) { d.backward(c, p, dh, k, g); };
/// weight: the tensors used instead of the frozen ones, and where the site adds their gradients (empty: not wanted).
template <class D>
concept HasWeights = requires(const D d, const check::P<D>& p, Weights<check::C> frozen, check::P<D>& g) {
  { d.weights(p, frozen) } -> std::same_as<Weights<check::C>>;
  { d.gradient(g) } -> std::same_as<Weights<check::M>>;
};
/// prefix: keys and values, of the parameters or of their gradients.
template <class D>
concept HasKeysValues = requires(const D d, check::P<D>& p) {
  { d.keys_values(p) } -> std::same_as<KeysValues<check::M>>;
};
/// input: rows (n, d), of the parameters or of their gradients, and how many.
template <class D>
concept HasInputRows = requires(const D d, check::P<D>& p) {
  { d.rows(p) } -> std::same_as<check::M>;
  { d.count() } -> std::convertible_to<Extent>;
};
/// side: sees the embeddings (layer -1) and every layer's output, corrects the last, and has its own backward over
/// depth. The rows that it sees are those that the task reads, or all (`taps_all_rows`); `last` and `dlast` are always
/// the task's. No gradient goes back through what it sees: nothing below the pooler may be trained beside it. Of an
/// encoder-decoder it sees the encoder's embeddings and layers first, then the decoder's embeddings (layer -2) and
/// layers, whose last it corrects; c.batch is what the rows belong to.
template <class D>
concept HasTaps = requires(const D d, check::Ctx& c, const check::P<D>& p, check::K<D>& k, int layer, check::C hidden,
                           check::M last, check::C dlast, check::P<D>& g) {
  d.begin(c, p, k, layer);
  d.tap(c, p, k, layer, hidden);
  d.correct(c, p, k, last);
  d.backward(c, p, k, dlast, g);
};

template <class D>
concept RouteIsComplete =
    HasRoute<D> && (D::route != Route::branch || (HasBranchForward<D> && HasBranchBackward<D>)) &&
    ((D::route != Route::post && D::route != Route::pre) || (HasMapForward<D> && HasMapBackward<D>)) &&
    (D::route != Route::weight || HasWeights<D>) && (D::route != Route::prefix || HasKeysValues<D>) &&
    (D::route != Route::input || HasInputRows<D>) && (D::route != Route::side || HasTaps<D>);
/// A complete delta.
template <class D>
concept IsDelta = HasRoute<D> && HasKinds<D> && HasParams<D> && HasKept<D> && HasDeclare<D> && RouteIsComplete<D>;
/// A delta that may sit on site S.
template <class D, Site S>
concept DeltaFor = IsDelta<D> && has(D::fits, info(S).kind);

// Optional members of a delta, absent by default. `all`, `grads`: All<D, V> of values and of summed gradients.
//   static constexpr Keep keeps                        what backward reads of its site (default: nothing)
//   static constexpr bool taps_all_rows = true         a side net that mixes tokens sees all of them
//   void tap_attention(c, p, kept, layer, scores)      a side net that reads how a decoder's layer attends to the encoder: called
//                                                      before that layer's `tap`, with ops::Ragged, the mean over the heads
//   double dropout                                     prefix: keys and values are dropped, anew for every sequence
//   static constexpr bool taps_scores = true           says that there is such a member
//   void tap_own_attention(c, p, kept, layer, scores)  the same for attention of a sequence to itself, of an encoder-decoder in the encoder
//   static constexpr bool taps_own_scores = true       says that there is such a member
//   static constexpr Need needs                        what it has no meaning without; refused where that is not there
//   static constexpr bool added_biases = true          brings such biases, so that Need::biases may be listed beside it
//   static constexpr bool mixes_tokens = false         a side net that sees all rows, and yet makes of a row what it makes of it alone:
//                                                      texts are then written over a cache (model/side_taps.hpp)
//   static constexpr bool rescales = true              a branch that changes what is in y: its backward finds the gradient of the
//                                                      new y in dy and leaves that of the old one there
//   static constexpr bool between_norms = true         a branch that may sit on norms: x is what one gives, y what it takes, and the
//                                                      norm then acts once more, Norm(h + f(Norm h))
//   bool attaches(const Module&) const                 leave a module out (default: sit everywhere)
//   void declare_shared(auto& fields, auto& s, shape)  tensors that exist once per model; forward sees what `prepare` makes of them
//                                                      (with a fourth parameter: the std::vector<Module> that share them)
//   void share(all)                                    gives the modules views of the shared tensors, once they are bound to memory
//   void initialise(backbone, const Module&, write)    initial values made of the backbone's: write(field, host values)
//   void prepare(c, all)                               before the first group of a step: fill the derived tensors (c.seed, c.training)
//   void finish(c, all, grads)                         after the groups are summed: turn their gradients back
//   void regularise(c, all, grads)                     add the gradient of a penalty
//   double penalty(c, all) const                       its value; what a gradient check compares `regularise` with
//   void after_step(c, all, grads, StepInfo)           after the optimizer: proximal step, rank budget
//   void settings(says) const                          says(name, value) of what the meaning of the saved tensors depends on beside their
//                                                      names and shapes (a scale): a model with others does not load them
//   bool settled(step, total) const                    are the values after this step such as may be kept? Early stopping does not
//                                                      count an evaluation before: a budget is not met yet

// What of the static ones a type has, or what holds without it; a constant of that name and of another type does not
// compile.
#define PEFT_OPTIONAL(question, type, member, without)                                                             \
  struct Other_##member {                                                                                          \
    int member;                                                                                                    \
  };                                                                                                               \
  template <class D>                                                                                               \
  struct Both_##member : D, Other_##member {};                                                                     \
  template <class D>                                                                                               \
  constexpr type question() {                                                                                      \
    if constexpr (requires { &Both_##member<D>::member; }) {                                                       \
      return without;                                                                                              \
    } else {                                                                                                       \
      constexpr bool fits = requires { typename std::integral_constant<type, D::member>; };                        \
      static_assert(fits,                                                                                          \
                    "peft: there is a member `" #member "` that is not `static constexpr " #type " " #member "`"); \
      if constexpr (fits)                                                                                          \
        return D::member;                                                                                          \
      else                                                                                                         \
        return without;                                                                                            \
    }                                                                                                              \
  }
namespace optional {
PEFT_OPTIONAL(keep_of, Keep, keeps, Keep::nothing)
PEFT_OPTIONAL(needs_of, Need, needs, Need::nothing)
PEFT_OPTIONAL(rescales, bool, rescales, false)
PEFT_OPTIONAL(sits_between_norms, bool, between_norms, false)
PEFT_OPTIONAL(taps_all_rows, bool, taps_all_rows, false)
PEFT_OPTIONAL(taps_attention, bool, taps_scores, false)
PEFT_OPTIONAL(taps_own_attention, bool, taps_own_scores, false)
// Those that see all rows mix them, unless they say that they do not.
PEFT_OPTIONAL(mixes_tokens, bool, mixes_tokens, (D::route == Route::side && taps_all_rows<D>()))
PEFT_OPTIONAL(brings_biases, bool, added_biases, false)
}  // namespace optional
#undef PEFT_OPTIONAL
using optional::keep_of, optional::needs_of, optional::rescales, optional::sits_between_norms, optional::taps_all_rows,
    optional::taps_attention, optional::taps_own_attention, optional::mixes_tokens, optional::brings_biases;

/// Does every constant that D has by name fit? True, or does not compile.
template <class D>
constexpr bool constants_fit() {
  return (void(keep_of<D>()), void(needs_of<D>()), void(rescales<D>()), void(sits_between_norms<D>()),
          void(taps_all_rows<D>()), void(taps_attention<D>()), void(taps_own_attention<D>()), void(mixes_tokens<D>()),
          void(brings_biases<D>()), true);
}

// What a backbone has.
template <class B>
constexpr bool encodes() {
  if constexpr (requires { B::spec.cross; })
    return B::spec.cross;
  else
    return false;
}
template <class B>
constexpr bool adds_special_tokens() {
  if constexpr (requires { B::special_tokens; })
    return B::special_tokens;
  else
    return false;
}
template <class B>
constexpr bool has_biases() {
  if constexpr (requires { B::Family::biases; })
    return B::Family::biases;
  else
    return true;
}

template <class D>
void declare_shared(const D& delta, auto& fields, auto& shared, const auto& shape, const std::vector<Module>& modules) {
  if constexpr (requires { delta.declare_shared(fields, shared, shape, modules); })
    delta.declare_shared(fields, shared, shape, modules);
  else
    delta.declare_shared(fields, shared, shape);
}

/// A gate acts on the rank axis: h (n, r) between the two halves of a bottleneck. It says whether it `scales`: gives
/// each rank a factor that does not depend on h, h <- g * h. What does can be folded into the half that follows, for a
/// merged weight and for PEFT's files; what does not (a top-k of |h|, whatever mixes ranks or rows) is saved with its
/// tensors, in our own file alone.
template <class G>
concept SaysWhetherItScales = requires {
  { G::scales } -> std::convertible_to<bool>;
};
template <class G>
concept IsGate =
    SaysWhetherItScales<G> && requires(const G gate, check::Ctx& c, Fields<float, Host>& f, check::P<G>& p,
                                       const check::P<G>& cp, check::C h, check::M dh, check::P<G>& g, Extent r) {
      gate.declare(f, p, r);
      { gate.forward(c, cp, h) } -> std::same_as<check::C>;
      gate.backward(c, cp, h, dh, g);
    };
template <class G>
concept ScalesRanks = IsGate<G> && G::scales;

}  // namespace peft
