// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>

#include <peft/report/memory_limits.hpp>

namespace peft::report {

namespace memory_limits_of {

namespace fs = std::filesystem;

/// A file's one number; nothing for "max", for what is so large that it means none, and where there is no such file.
PEFT_INLINE std::optional<std::uint64_t> number_in(const fs::path& file) {
  std::ifstream in(file);
  std::uint64_t n = 0;
  constexpr std::uint64_t unlimited = std::uint64_t{1} << 62;
  if (!(in >> n) || n >= unlimited) return {};
  return n;
}

/// Lines of a name and a number, as in /proc/meminfo and memory.stat; `unit` bytes each.
PEFT_INLINE std::map<std::string, std::uint64_t> numbers_in(const fs::path& file, std::uint64_t unit) {
  std::map<std::string, std::uint64_t> all;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string name;
    std::uint64_t n = 0;
    if (!(fields >> name >> n)) continue;
    if (name.ends_with(':')) name.pop_back();
    all[name] = n * unit;
  }
  return all;
}

PEFT_INLINE std::uint64_t left(std::uint64_t limit, std::uint64_t used) { return limit > used ? limit - used : 0; }

/// How one version of control groups calls its files.
struct Version {
  const char *type, *used, *active, *inactive;
  std::vector<const char*> limits;
};
PEFT_INLINE const Version& version(bool second) {
  static const Version all[] = {
      {"cgroup", "memory.usage_in_bytes", "total_active_file", "total_inactive_file", {"memory.limit_in_bytes"}},
      {"cgroup2", "memory.current", "active_file", "inactive_file", {"memory.max", "memory.high"}}};
  return all[second];
}

/// Where a version's groups with memory are mounted, and which group is seen there.
struct Mount {
  std::string group, folder;
};
PEFT_INLINE std::optional<Mount> mount_of(const fs::path& root, bool second) {
  std::ifstream in(root / "proc/self/mountinfo");
  for (std::string line; std::getline(in, line);) {
    const auto end = line.find(" - ");
    if (end == line.npos) continue;
    std::istringstream before(line), after(line.substr(end + 3));
    std::string skip, type, source, options;
    Mount mount;
    before >> skip >> skip >> skip >> mount.group >> mount.folder;
    after >> type >> source >> options;
    if (type == version(second).type && (second || ("," + options + ",").find(",memory,") != std::string::npos))
      return mount;
  }
  return {};
}

/// The group that this process is in; nothing where the version has none with memory.
PEFT_INLINE std::optional<std::string> group_of(const fs::path& root, bool second) {
  std::ifstream in(root / "proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {  // number:controllers:group
    const auto first = line.find(':'), then = line.find(':', first + 1);
    if (then == line.npos) continue;
    const std::string controllers = line.substr(first + 1, then - first - 1);
    if (second ? controllers.empty() : ("," + controllers + ",").find(",memory,") != std::string::npos)
      return line.substr(then + 1);
  }
  return {};
}

PEFT_INLINE void add_groups(std::vector<MemoryLimit>& all, const fs::path& root, bool second) {
  const auto mount = mount_of(root, second);
  auto group = group_of(root, second);
  if (!mount || !group) return;
  // A container sees its own group as the mount's top.
  const std::string top = mount->group == "/" ? "" : mount->group;
  *group = group->starts_with(top) ? group->substr(top.size()) : "";
  const Version& files = version(second);
  for (;;) {
    const fs::path folder = root / fs::path(mount->folder).relative_path() / fs::path(*group).relative_path();
    std::optional<std::uint64_t> least;
    for (const char* name : files.limits)
      if (const auto limit = number_in(folder / name)) least = std::min(least.value_or(*limit), *limit);
    if (least) {
      const auto stat = numbers_in(folder / "memory.stat", 1);
      const auto cached = [&](const char* name) { return stat.contains(name) ? stat.at(name) : 0; };
      const std::uint64_t used =
          left(number_in(folder / files.used).value_or(0), cached(files.active) + cached(files.inactive));
      all.push_back(
          {"the control group " + (group->empty() ? "/" : *group), &MemorySizes::resident, left(*least, used)});
    }
    if (group->empty()) return;
    group->erase(group->rfind('/') == group->npos ? 0 : group->rfind('/'));
  }
}

/// "Max address space   1048576   unlimited   bytes": the first of the two.
PEFT_INLINE std::optional<std::uint64_t> own_limit(const fs::path& root, std::string_view name) {
  std::ifstream in(root / "proc/self/limits");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name)) continue;
    std::istringstream rest(line.substr(name.size()));
    std::uint64_t n = 0;
    if (rest >> n) return n;
  }
  return {};
}

}  // namespace memory_limits_of

PEFT_INLINE MemorySizes memory_now(const std::filesystem::path& root) {
  const auto status = memory_limits_of::numbers_in(root / "proc/self/status", 1024);
  const auto of = [&](const char* name) { return status.contains(name) ? status.at(name) : 0; };
  return {of("VmRSS"), of("VmSize"), of("VmData")};
}

PEFT_INLINE std::vector<MemoryLimit> memory_limits(const std::filesystem::path& root) {
  using namespace memory_limits_of;
  std::vector<MemoryLimit> all;
  const auto machine = numbers_in(root / "proc/meminfo", 1024);
  if (machine.contains("MemAvailable"))
    all.push_back({"the machine", &MemorySizes::resident, machine.at("MemAvailable")});
  if (number_in(root / "proc/sys/vm/overcommit_memory") == 2 && machine.contains("CommitLimit") &&
      machine.contains("Committed_AS"))
    all.push_back({"the machine, which promises no more than it has (vm.overcommit_memory = 2),", &MemorySizes::data,
                   left(machine.at("CommitLimit"), machine.at("Committed_AS"))});
  add_groups(all, root, false);
  add_groups(all, root, true);
  const MemorySizes now = memory_now(root);
  if (const auto limit = own_limit(root, "Max address space"))
    all.push_back({"ulimit -v", &MemorySizes::address, left(*limit, now.address)});
  if (const auto limit = own_limit(root, "Max data size"))
    all.push_back({"ulimit -d", &MemorySizes::data, left(*limit, now.data)});
  return all;
}

}  // namespace peft::report
