// SPDX-License-Identifier: Apache-2.0
#include "sites.hpp"

#include <peft/core/error.hpp>
#include <peft/io/near_names.hpp>

#include "../front/words.hpp"

using namespace peft;

namespace {

struct SiteGroup {
  std::string_view name;
  SiteSet sites;
};
constexpr SiteGroup site_groups[] = {
    {"projections", Projections}, {"linear", Linear},        {"all-linear", Linear | Pooler}, {"norm", Norm},
    {"tables", Tables},           {"everything", Everything}};

SiteSet sites_of(std::string_view name, const std::vector<SitePath>& paths) {
  for (const SiteGroup& g : site_groups)
    if (g.name == name) return g.sites;
  SiteSet found;
  for (const SiteInfo& s : site_table)
    if (glob(name, s.name)) found = found | only(s.site);
  for (const SitePath& p : paths)
    if (names_match(name, lower(std::string(p.path)))) found = found | only(p.site);
  return found;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

SiteSet sites_named(std::string_view list, SiteSet possible, const std::vector<SitePath>& paths,
                    const std::string& method) {
  SiteSet set;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string name = lower(std::string(trimmed(list.substr(begin, end - begin))));
    const SiteSet found = name.empty() ? SiteSet{} : sites_of(name, paths) & possible;
    if (found.empty()) {
      std::vector<std::string> known;
      for (const SiteInfo& s : site_table)
        if (possible.contains(s.site)) known.emplace_back(s.name);
      fail("--sites: \"", name, "\" names no site that --method ", method, " can sit on", near_names(name, known),
           "; there are: ", listed(known),
           " (* stands for any text), groups such as linear, and the ends of the checkpoint's names of them");
    }
    set = set | found;
    begin = end + 1;
  }
  return set;
}
