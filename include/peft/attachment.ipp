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
  require(
      chosen.first >= 0 && (chosen.last == LayerRange{}.last || chosen.last <= layers) && chosen.first < chosen.last,
      "Layers<", chosen.first, ", ", chosen.last, ">: the backbone has layers 0 to ", layers - 1);
  bool anywhere = false;
  for (const SiteInfo& s : site_table) {
    if (!places.sites.contains(s.site) || !places.mask.contains(s.site)) continue;
    for (int layer = s.per_layer ? 0 : -1; layer < (s.per_layer ? layers : 0); ++layer) {
      if (s.per_layer && !chosen.contains(layer)) continue;
      if (!places.has(s.site, layer)) continue;
      anywhere = true;
      Module m = places.module(s.site, layer);
      if (places.only && !places.only->contains(m.path)) continue;
      if (places.attaches && !places.attaches(m)) continue;
      p.index[static_cast<std::size_t>(s.site) * (layers + 1) + layer + 1] = static_cast<int>(p.modules.size());
      p.modules.push_back(std::move(m));
    }
  }
  require(anywhere,
          "a delta's mask leaves it no place: none of its sites is in the mask, or the checkpoint has none of them");
  for (const std::string& path : places.only.value_or(std::set<std::string>{}))
    require(std::any_of(p.modules.begin(), p.modules.end(), [&](const Module& m) { return m.path == path; }),
            "the delta cannot sit on ", path, ": the backbone has no such place, or its sites and layers leave it out");
  return p;
}

}  // namespace peft
