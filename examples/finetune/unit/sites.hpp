// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <peft/site.hpp>

/// What a checkpoint calls a site, `*` for the layer.
struct SitePath {
  peft::Site site;
  std::string_view path;
};

/// The sites that a list such as "attn.q, value" names, of those in `possible`: a name of ours in which * stands for
/// any text, a group (projections, linear, all-linear, norm, tables, everything), or the end of a module's name in the
/// checkpoint. Throws peft::Error for a name that is none of them; `method` is for its message.
peft::SiteSet sites_named(std::string_view list, peft::SiteSet possible, const std::vector<SitePath>& paths,
                          const std::string& method);
