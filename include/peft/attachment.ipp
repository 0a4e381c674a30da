// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include <peft/attachment.hpp>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>

namespace peft {

PEFT_INLINE Placement nowhere(int layers) {
  Placement p;
  p.index.assign(site_count * (static_cast<std::size_t>(layers) + 1), -1);
  p.layers = layers;
  return p;
}

PEFT_INLINE Placement place(const Places& places) {
  const int layers = places.layers;
  const LayerRange& chosen = places.chosen;
  Placement p = nowhere(layers);
  const auto check = [&](const LayerRange& r) {
    require(r.first >= 0 && (r.last == LayerRange{}.last || r.last <= layers) && r.first < r.last, "Layers<", r.first,
            ", ", r.last, ">: the backbone has layers 0 to ", layers - 1);
  };
  check(chosen);
  for (const LayerRange& r : places.ranges) check(r);
  const auto meant = [&](int layer) {
    return chosen.contains(layer) && (places.ranges.empty() || std::ranges::any_of(places.ranges, [&](const auto& r) {
                                        return r.contains(layer);
                                      }));
  };
  bool anywhere = false;
  for (const SiteInfo& s : site_table) {
    if (!places.sites.contains(s.site) || !places.mask.contains(s.site)) continue;
    for (int layer = s.per_layer ? 0 : -1; layer < (s.per_layer ? layers : 0); ++layer) {
      if (s.per_layer && !meant(layer)) continue;
      if (!places.has(s.site, layer)) continue;
      anywhere = true;
      Module m = places.module(s.site, layer);
      if (places.only && !places.only->contains(m.path)) continue;
      if (places.attaches && !places.attaches(m)) continue;
      p.index[static_cast<std::size_t>(s.site) * (layers + 1) + layer + 1] = static_cast<int>(p.modules.size());
      p.modules.push_back(std::move(m));
    }
  }
  require(
      anywhere,
      "a delta's mask and layers leave it no place: none of its sites is in the mask, no layer of its type's ranges in "
      "`layers`, or the checkpoint has none of them");
  for (const std::string& path : places.only.value_or(std::set<std::string>{}))
    require(std::any_of(p.modules.begin(), p.modules.end(), [&](const Module& m) { return m.path == path; }),
            "the delta cannot sit on ", path, ": the backbone has no such place, or its sites and layers leave it out");
  return p;
}

}  // namespace peft
