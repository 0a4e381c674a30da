// SPDX-License-Identifier: Apache-2.0
#include <peft/report/memory_limits.hpp>

#include <map>
#include <string>

#include "catch.hpp"
#include "data_temporary.hpp"

using namespace peft::report;

namespace {

constexpr std::uint64_t MiB = 1 << 20;

std::map<std::string, std::uint64_t> rooms(const Folder& root, std::uint64_t MemorySizes::*of) {
  std::map<std::string, std::uint64_t> all;
  for (const MemoryLimit& limit : memory_limits(root))
    if (limit.of == of) all[limit.name] = limit.room;
  return all;
}
using Rooms = std::map<std::string, std::uint64_t>;

std::string in_bytes(std::uint64_t mebibytes) { return std::to_string(mebibytes * MiB) + "\n"; }

}  // namespace

TEST_CASE("the machine's limit is what it has available, swap left aside", "[report]") {
  const Folder root{{"proc/meminfo",
                     "MemTotal:       24684084 kB\nMemFree:  100 kB\nMemAvailable:   2048 kB\nSwapFree: 999999 kB\n"}};
  CHECK(rooms(root, &MemorySizes::resident) == Rooms{{"the machine", 2 * MiB}});
  CHECK(rooms(root, &MemorySizes::address).empty());
  CHECK(memory_limits(Folder()).empty());  // nothing can be read
}

TEST_CASE("where a machine promises no more than it has, that is a limit", "[report]") {
  const std::string_view machine = "MemAvailable: 4096 kB\nCommitLimit: 3072 kB\nCommitted_AS: 1024 kB\n";
  CHECK(rooms({{"proc/meminfo", machine}, {"proc/sys/vm/overcommit_memory", "0\n"}}, &MemorySizes::data).empty());
  const Rooms strict = rooms({{"proc/meminfo", machine}, {"proc/sys/vm/overcommit_memory", "2\n"}}, &MemorySizes::data);
  REQUIRE(strict.size() == 1);
  CHECK(strict.begin()->second == 2 * MiB);
}

TEST_CASE("control groups of version 2 limit with all that are above them", "[report]") {
  const Folder root{{"proc/self/cgroup", "0::/jobs/one\n"},
                    {"proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"}};
  const auto room = [&] { return rooms(root, &MemorySizes::resident); };
  CHECK(room().empty());  // the top has no such file
  root.put("sys/fs/cgroup/jobs/one/memory.max", "max\n");
  CHECK(room().empty());
  root.put("sys/fs/cgroup/jobs/one/memory.max", in_bytes(100));
  root.put("sys/fs/cgroup/jobs/one/memory.current", in_bytes(30));
  CHECK(room() == Rooms{{"the control group /jobs/one", 70 * MiB}});
  root.put("sys/fs/cgroup/jobs/one/memory.high", in_bytes(80));  // beyond it the kernel holds a process up
  CHECK(room() == Rooms{{"the control group /jobs/one", 50 * MiB}});
  root.put("sys/fs/cgroup/jobs/one/memory.stat",
           "anon 1\nfile 99\ninactive_file 5242880\nactive_file 1048576\nslab 3\n");  // these can go
  CHECK(room() == Rooms{{"the control group /jobs/one", 56 * MiB}});
  root.put("sys/fs/cgroup/jobs/memory.max", in_bytes(40));
  root.put("sys/fs/cgroup/jobs/memory.current", in_bytes(50));
  CHECK(room() == Rooms{{"the control group /jobs/one", 56 * MiB}, {"the control group /jobs", 0}});
}

TEST_CASE("control groups of version 1 are found where they are mounted", "[report]") {
  const std::string mounts =
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
  const Folder root{
      {"proc/self/cgroup", "4:memory:/jobs/a\n2:cpu,cpuacct:/other\n0::/\n"},
      {"proc/self/mountinfo", mounts + "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"},
      {"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"},
      {"sys/fs/cgroup/memory/jobs/a/memory.usage_in_bytes", in_bytes(6)},
      {"sys/fs/cgroup/memory/jobs/a/memory.limit_in_bytes", in_bytes(10)},
      {"sys/fs/cgroup/memory/jobs/a/memory.stat", "cache 7\ntotal_inactive_file 1048576\ntotal_active_file 1048576\n"}};
  CHECK(rooms(root, &MemorySizes::resident) == Rooms{{"the control group /jobs/a", 6 * MiB}});
  // A container's own group is the top of what it sees mounted.
  root.put("proc/self/mountinfo", mounts + "35 31 0:32 /jobs /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  root.put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", in_bytes(3));
  CHECK(rooms(root, &MemorySizes::resident) == Rooms{{"the control group /a", 3 * MiB}});
  // Of a group outside what is mounted only the top is known.
  root.put("proc/self/mountinfo",
           mounts + "35 31 0:32 /elsewhere /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  root.put("sys/fs/cgroup/memory/memory.limit_in_bytes", in_bytes(2));
  CHECK(rooms(root, &MemorySizes::resident) == Rooms{{"the control group /", 2 * MiB}});
}

TEST_CASE("a shell's limits count addresses, not memory", "[report]") {
  const Folder root{
      {"proc/self/status", "Name:\tx\nVmPeak:\t 9999 kB\nVmSize:\t    3072 kB\nVmRSS:\t 1024 kB\nVmData:\t 2048 kB\n"},
      {"proc/self/limits",
       "Limit                     Soft Limit           Hard Limit           Units     \n"
       "Max data size             3145728              unlimited            bytes     \n"
       "Max address space         8388608              8388608              bytes     \n"
       "Max resident set          unlimited            unlimited            bytes     \n"}};
  CHECK(rooms(root, &MemorySizes::address) == Rooms{{"ulimit -v", 5 * MiB}});
  CHECK(rooms(root, &MemorySizes::data) == Rooms{{"ulimit -d", 1 * MiB}});
  const MemorySizes now = memory_now(root);
  CHECK(now.resident == 1 * MiB);
  CHECK(now.address == 3 * MiB);
  CHECK(now.data == 2 * MiB);
  root.put("proc/self/limits", "Max address space         unlimited            unlimited            bytes\n");
  CHECK(rooms(root, &MemorySizes::address).empty());
}

TEST_CASE("this process has memory, and is under no limit that it has passed", "[report]") {
  const MemorySizes now = memory_now();
  CHECK(now.resident > 0);
  CHECK(now.address >= now.resident);
  for (const MemoryLimit& limit : memory_limits()) CHECK(limit.room > 0);
}
