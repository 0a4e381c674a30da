// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include <peft/concepts.hpp>

namespace peft {

/// Linear sites and norms of a layer, and what the block of a side net calls them in its fields.
struct BlockPart {
  Site site;
  std::string_view name;
};
inline constexpr std::array<BlockPart, 15> block_parts{{{Site::query, "attention.self.query"},
                                                        {Site::key, "attention.self.key"},
                                                        {Site::value, "attention.self.value"},
                                                        {Site::attn_out, "attention.output.dense"},
                                                        {Site::attn_norm, "attention.output.LayerNorm"},
                                                        {Site::cross_query, "crossattention.self.query"},
                                                        {Site::cross_key, "crossattention.self.key"},
                                                        {Site::cross_value, "crossattention.self.value"},
                                                        {Site::cross_out, "crossattention.output.dense"},
                                                        {Site::cross_norm, "crossattention.output.LayerNorm"},
                                                        {Site::ff_gate, "intermediate.gate"},
                                                        {Site::ff_up, "intermediate.dense"},
                                                        {Site::ff_down, "output.dense"},
                                                        {Site::ff_norm, "output.LayerNorm"},
                                                        {Site::final_norm, "norm"}}};
constexpr std::size_t part_of(Site s) {
  for (std::size_t i = 0; i < block_parts.size(); ++i)
    if (block_parts[i].site == s) return i;
  return block_parts.size();
}

/// The tensors of a small layer, or of a norm after layers; what it does not have stays empty.
template <class V>
struct BlockTensors {
  std::array<Weights<V>, block_parts.size()> at;
};

/// What the layers of a side net depend on: the backbone's own, but that queries, keys and values are apart, and that
/// distances are not embedded once more.
constexpr nn::Spec side_spec(nn::Spec spec) {
  if (spec.position == nn::Position::disentangled) spec.position = nn::Position::absolute;
  spec.fused_qkv = false;
  return spec;
}

/// The shape of layers whose widths are the r-th part of the backbone's, `heads` 0: with as many heads. Layers are
/// counted as the backbone's. Linear maps and norms have biases unless the norms are RMSNorms.
inline nn::Shape small_shape(const Module& m, int r, int heads) {
  nn::Shape shape = m.shape;
  require(r > 0 && shape.width / r > 0 && shape.inner / r > 0, "a side net's reduction of ", r, " leaves nothing of ",
          shape.width, " and ", shape.inner);
  const Extent large = shape.head();
  if (m.spec.position == nn::Position::disentangled) shape.score_scale = 0;
  shape.width /= r;
  shape.inner /= r;
  if (heads > 0 && heads != shape.heads) {
    require(m.spec.position == nn::Position::absolute || m.spec.position == nn::Position::disentangled,
            "a side net of ", heads, " heads: positions belong to the heads of this backbone, ", shape.heads);
    shape.heads = heads;
    shape.head_size = 0;
  }
  if (shape.head_size > 0) shape.head_size /= r;
  require(shape.head() > 0 && (shape.head_size > 0 || shape.width % shape.heads == 0), "a side net of width ",
          shape.width, " cannot have ", shape.heads, " heads: name a number that divides it");
  if (m.spec.position == nn::Position::rotary)
    require(shape.head() % 2 == 0 && large % shape.head() == 0, "a side net's heads of ", shape.head(),
            ": positions turn pairs, so that an even part of the backbone's ", large, " is wanted");
  return shape;
}

/// Does layer `layer` of a side net have the part?
inline bool has_part(Site s, const nn::Spec& spec, const nn::Shape& shape, int layer) {
  switch (s) {
    case Site::ff_gate: return spec.gated && shape.gated;
    case Site::cross_query:
    case Site::cross_key:
    case Site::cross_value:
    case Site::cross_out:
    case Site::cross_norm: return spec.cross && shape.decodes(layer);
    case Site::final_norm: return false;
    default: return true;
  }
}

/// Rows and columns of the weight of one part, in a layer of `shape`.
inline std::pair<Extent, Extent> part_shape(Site s, const nn::Shape& shape) {
  switch (s) {
    case Site::query:
    case Site::cross_query: return {shape.query_width(), shape.width};
    case Site::key:
    case Site::value:
    case Site::cross_key:
    case Site::cross_value: return {shape.key_width(), shape.width};
    case Site::attn_out:
    case Site::cross_out: return {shape.width, shape.query_width()};
    case Site::ff_up:
    case Site::ff_gate: return {shape.inner, shape.width};
    case Site::ff_down: return {shape.width, shape.inner};
    default: return {1, shape.width};
  }
}

/// Lists a part: matrices ~ N(0, 0.02^2), biases 0, norms 1 and 0, as a fresh BERT.
void declare_part(auto& fields, auto& tensors, const std::string& path, Site site, const nn::Spec& spec,
                  const nn::Shape& shape) {
  const auto [r, c] = part_shape(site, shape);
  const bool norm = info(site).kind == Kind::norm;
  if (norm)
    fields.vector(path + ".weight", tensors.at[part_of(site)].w, c, constant_of(1));
  else
    fields.trained(path + ".weight", tensors.at[part_of(site)].w, r, c, normal(0.02));
  if (!spec.rms) fields.vector(path + ".bias", tensors.at[part_of(site)].b, norm ? c : r);
}

/// Lists layer `layer` under `path`. Of an encoder as BERT 4 (w^2 + w) + 2 w f + f + w + 4 w numbers.
void declare_block(auto& fields, auto& block, const std::string& path, const nn::Spec& spec, const nn::Shape& shape,
                   int layer) {
  for (const auto& [site, name] : block_parts)
    if (has_part(site, spec, shape, layer)) declare_part(fields, block, cat(path, ".", name), site, spec, shape);
}

}  // namespace peft
