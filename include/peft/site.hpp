// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace peft {

/// How a delta acts on its site.
enum class Route {
  branch,  // y += f(x)                      LoRA, parallel adapter
  post,    // y  = f(y), in place            adapters, scaled outputs
  pre,     // x  = f(x), in place            PASTA, scaled inputs
  weight,  // the site uses other tensors    full fine-tuning, BitFit, diff pruning
  prefix,  // keys and values to attend to   prefix tuning
  input,   // rows before the embeddings     prompt tuning
  side     // its own network over depth     READ, LST
};

/// Where a delta can sit: any module with an input and an output.
enum class Site : unsigned {
  query,
  key,
  value,
  attn_out,
  ff_up,
  ff_down,
  pooler,  // linear: (n, in) to (n, out), weight (out, in), bias
  attn_norm,
  ff_norm,
  embed_norm,                       // norm: weight and bias (1, d)
  word_table,
  position_table,
  type_table,               // table: weight (entries, d)
  attention,
  ffn,
  layer,                                // hidden: a block part before its residual, a whole layer
  self_attention,                                       // prefix: keys and values put before each sequence's
  input,                                                // input: rows put before each sequence's embeddings
  side,                                                 // side: a network beside the whole backbone
  // What only some backbones have.
  qkv,
  ff_gate,  // linear: queries, keys and values at once; a gate of the feed-forward part
  cross_query,
  cross_key,
  cross_value,
  cross_out,  // linear: attention of a decoder to its encoder
  cross_norm,
  final_norm,
  relative_norm,  // norm: of that attention, after the last layer, of embedded distances
  cross_attention,  // hidden: that attention, before its residual
  position_key,
  position_query,  // linear: keys and queries of embedded distances
  relative_table,  // table: embedded distances
  bucket_table,
  lm_head  // fixed: a number per distance and head (buckets, heads); words from hidden states
};
inline constexpr std::size_t site_count = 34;

/// What a site is made of, as a set of bits: a delta says which kinds it fits.
/// fixed: a dense weight that is used as it is, so that only a weight delta fits it.
enum class Kind : unsigned {
  linear = 1,
  norm = 2,
  table = 4,
  hidden = 8,
  prefix = 16,
  input = 32,
  side = 64,
  fixed = 128
};
constexpr Kind operator|(Kind a, Kind b) { return Kind(unsigned(a) | unsigned(b)); }
constexpr bool has(Kind set, Kind bit) { return (unsigned(set) & unsigned(bit)) != 0; }

/// What the sites of every backbone are called here, whatever a checkpoint calls them.
struct SiteInfo {
  Site site;
  Kind kind;
  std::string_view name;
  bool per_layer;
};
inline constexpr std::array<SiteInfo, site_count> site_table{{
    {Site::query, Kind::linear, "attn.q", true},
    {Site::key, Kind::linear, "attn.k", true},
    {Site::value, Kind::linear, "attn.v", true},
    {Site::attn_out, Kind::linear, "attn.out", true},
    {Site::ff_up, Kind::linear, "ff.up", true},
    {Site::ff_down, Kind::linear, "ff.down", true},
    {Site::pooler, Kind::linear, "pooler", false},
    {Site::attn_norm, Kind::norm, "attn.norm", true},
    {Site::ff_norm, Kind::norm, "ff.norm", true},
    {Site::embed_norm, Kind::norm, "embed.norm", false},
    {Site::word_table, Kind::table, "embed.word", false},
    {Site::position_table, Kind::table, "embed.position", false},
    {Site::type_table, Kind::table, "embed.type", false},
    {Site::attention, Kind::hidden, "attn", true},
    {Site::ffn, Kind::hidden, "ff", true},
    {Site::layer, Kind::hidden, "layer", true},
    {Site::self_attention, Kind::prefix, "attn.prefix", true},
    {Site::input, Kind::input, "input", false},
    {Site::side, Kind::side, "side", false},
    {Site::qkv, Kind::linear, "attn.qkv", true},
    {Site::ff_gate, Kind::linear, "ff.gate", true},
    {Site::cross_query, Kind::linear, "cross.q", true},
    {Site::cross_key, Kind::linear, "cross.k", true},
    {Site::cross_value, Kind::linear, "cross.v", true},
    {Site::cross_out, Kind::linear, "cross.out", true},
    {Site::cross_norm, Kind::norm, "cross.norm", true},
    {Site::final_norm, Kind::norm, "final.norm", true},
    {Site::relative_norm, Kind::norm, "embed.relative_norm", false},
    {Site::cross_attention, Kind::hidden, "cross", true},
    {Site::position_key, Kind::linear, "attn.position_k", true},
    {Site::position_query, Kind::linear, "attn.position_q", true},
    {Site::relative_table, Kind::table, "embed.relative", false},
    {Site::bucket_table, Kind::fixed, "attn.buckets", true},
    {Site::lm_head, Kind::fixed, "lm_head", false},
}};
constexpr bool table_is_in_order() {
  for (std::size_t i = 0; i < site_count; ++i)
    if (static_cast<std::size_t>(site_table[i].site) != i) return false;
  return true;
}
static_assert(table_is_in_order());
constexpr const SiteInfo& info(Site s) { return site_table[static_cast<std::size_t>(s)]; }

/// A set of sites. Single sites and groups have the same type, so both stand in `At<...>`.
struct SiteSet {
  std::uint64_t bits = 0;
  constexpr bool contains(Site s) const { return (bits >> static_cast<unsigned>(s)) & 1u; }
  constexpr bool empty() const { return bits == 0; }
  friend constexpr SiteSet operator|(SiteSet a, SiteSet b) { return {a.bits | b.bits}; }
  friend constexpr SiteSet operator&(SiteSet a, SiteSet b) { return {a.bits & b.bits}; }
  friend constexpr bool operator==(SiteSet, SiteSet) = default;
};
constexpr SiteSet only(Site s) { return {std::uint64_t{1} << static_cast<unsigned>(s)}; }

inline constexpr SiteSet Query = only(Site::query), Key = only(Site::key), Value = only(Site::value),
                         AttnOut = only(Site::attn_out), FfnUp = only(Site::ff_up), FfnDown = only(Site::ff_down),
                         Pooler = only(Site::pooler), AttnNorm = only(Site::attn_norm), FfnNorm = only(Site::ff_norm),
                         EmbedNorm = only(Site::embed_norm), Attention = only(Site::attention), Ffn = only(Site::ffn),
                         Layer = only(Site::layer), SelfAttention = only(Site::self_attention),
                         Input = only(Site::input), FusedQkv = only(Site::qkv), FfnGate = only(Site::ff_gate),
                         CrossQuery = only(Site::cross_query), CrossKey = only(Site::cross_key),
                         CrossValue = only(Site::cross_value), CrossOut = only(Site::cross_out),
                         CrossNorm = only(Site::cross_norm), FinalNorm = only(Site::final_norm),
                         CrossAttention = only(Site::cross_attention), LmHead = only(Site::lm_head);
/// Groups: of what a backbone has in each.
inline constexpr SiteSet Projections =
                             Query | Key | Value | AttnOut | FusedQkv | CrossQuery | CrossKey | CrossValue | CrossOut,
                         Linear = Projections | FfnUp | FfnGate | FfnDown,
                         Norm = AttnNorm | FfnNorm | EmbedNorm | CrossNorm | FinalNorm | only(Site::relative_norm),
                         Tables = only(Site::word_table) | only(Site::position_table) | only(Site::type_table) |
                                  only(Site::relative_table),
                         Everything = Linear | Norm | Tables | Pooler | LmHead | only(Site::bucket_table) |
                                      only(Site::position_key) | only(Site::position_query);

/// Layers first .. last - 1.
struct LayerRange {
  int first = 0, last = 1 << 30;
  constexpr bool contains(int layer) const { return first <= layer && layer < last; }
};
template <int first, int last>
consteval LayerRange layer_range() {
  static_assert(0 <= first && first < last,
                "peft::Layers: the range holds no layer: Layers<first, end> means first .. end - 1, counted from 0");
  return {first, last};
}
template <int first, int last>
inline constexpr LayerRange Layers = layer_range<first, last>();

/// Does `pattern`, in which `*` stands for any text, match the whole of `name`?
constexpr bool glob(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') return glob(pattern.substr(1), name) || (!name.empty() && glob(pattern, name.substr(1)));
  return !name.empty() && pattern[0] == name[0] && glob(pattern.substr(1), name.substr(1));
}
/// A name of a module matches a pattern that covers it, or its tail after a dot.
constexpr bool names_match(std::string_view pattern, std::string_view name) {
  if (glob(pattern, name)) return true;
  for (std::size_t i = 0; i < name.size(); ++i)
    if (name[i] == '.' && glob(pattern, name.substr(i + 1))) return true;
  return false;
}

/// The sites of `Backbone` that a common name or a name of its checkpoint matches.
template <class Backbone>
constexpr SiteSet find_sites(std::string_view pattern) {
  SiteSet found;
  for (const SiteInfo& s : site_table)
    if (Backbone::sites.contains(s.site) && (glob(pattern, s.name) || names_match(pattern, Backbone::path(s.site))))
      found = found | only(s.site);
  return found;
}

/// A group counts what the backbone has of it; where that is nothing, and for a single site, the whole is asked for.
constexpr SiteSet of_group(SiteSet group, SiteSet there) {
  const bool single = (group.bits & (group.bits - 1)) == 0;
  return single || (group & there).empty() ? group : group & there;
}

/// One entry of `At<...>`: sites, a name pattern, or a range of layers.
struct Where {
  SiteSet sites{};
  LayerRange layers{};
  char name[64]{};
  bool is_layers = false;

  consteval Where(SiteSet s) : sites(s) {}
  consteval Where(Site s) : sites(only(s)) {}
  consteval Where(LayerRange range) : layers(range), is_layers(true) {}
  template <std::size_t n>
  consteval Where(const char (&text)[n]) {
    static_assert(n <= 64, "peft::At: a name pattern has at most 63 characters");
    for (std::size_t i = 0; i < n; ++i) name[i] = text[i];
  }
  /// All members: so nvcc spells a value to the host's compiler.
  consteval Where(SiteSet s, LayerRange range, const char (&text)[64], bool layers_only)
      : sites(s), layers(range), is_layers(layers_only) {
    for (std::size_t i = 0; i < 64; ++i) name[i] = text[i];
  }
};

/// The places of a delta: `At<Query, Value>`, `At<Linear, Layers<8, 12>>`, `At<Linear, Layers<0, 2>, Layers<8, 12>>`
/// (layers of either range), `At<"attn.q">`, `At<"*.attention.self.query">`.
template <Where... where>
struct At {
  template <class Backbone>
  static constexpr bool resolves() {
    return ((where.is_layers || !where.sites.empty() || !find_sites<Backbone>(where.name).empty()) && ...);
  }
  template <class Backbone>
  static constexpr SiteSet sites() {
    return ((where.name[0] ? find_sites<Backbone>(where.name) : of_group(where.sites, Backbone::sites)) | ... |
            SiteSet{});
  }
  /// The ranges of layers that are named, all of which are meant; none: every layer.
  static constexpr auto ranges() {
    std::array<LayerRange, (std::size_t{where.is_layers} + ... + 0)> all{};
    [[maybe_unused]] std::size_t n = 0;
    ((where.is_layers ? void(all[n++] = where.layers) : void()), ...);
    return all;
  }
};

}  // namespace peft
