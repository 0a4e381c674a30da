// SPDX-License-Identifier: Apache-2.0
// Files that change while they are mapped.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <peft/io/mapped_file.hpp>
#include <peft/io/mapped_file_guard.hpp>
#include <peft/io/mapped_region.hpp>

#include "catch.hpp"
#include "child.hpp"
#include "io_temporary.hpp"

using namespace peft;
namespace fs = std::filesystem;

namespace {

const std::string page(4096, 'x');

void overwrite(const fs::path& path, std::string_view text) {
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
      .write(text.data(), static_cast<std::streamsize>(text.size()));
}

/// As if the file had been written long ago, so that a write now is a later one whatever the clock's ticks are.
void age(const fs::path& path) {
  const ::timespec times[] = {{1'600'000'000, 0}, {1'600'000'000, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

std::string complaint() {
  return error_of([] { require_unchanged("; and so on"); });
}

void other_handler(int) { ::_exit(9); }
void other_action(int, siginfo_t* info, void*) { ::_exit(info->si_addr != nullptr ? 10 : 11); }

/// A page that is no MappedFile's and is lost.
const volatile char* lost_page(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY);
  const auto* data = static_cast<const char*>(::mmap(nullptr, page.size(), PROT_READ, MAP_PRIVATE, file, 0));
  fs::resize_file(path, 0);
  return data;
}

void touch(const volatile char* data) { static_cast<void>(data[0]); }

}  // namespace

TEST_CASE("mapped files: whoever writes into one is noticed") {
  const Temporary folder;
  const auto path = folder / "weights";
  put(path, page + page);
  age(path);
  const MappedFile file(path);
  CHECK(complaint() == "");
  SECTION("in place") {
    overwrite(path, "y");
    CHECK(lacks(complaint(),
                {path.string(), "written to while it was mapped", "8192 bytes", "2020-09-13", "; and so on"}) == "");
  }
  SECTION("appended to") {
    std::ofstream(path, std::ios::app) << "y";
    CHECK(lacks(complaint(), {"now 8193"}) == "");
  }
  SECTION("shortened") {
    fs::resize_file(path, 4096);
    CHECK(lacks(complaint(), {"now 4096"}) == "");
  }
  SECTION("in place under another name") {
    fs::rename(path, folder / "moved");
    CHECK(complaint() == "");
    overwrite(folder / "moved", "y");
    CHECK(lacks(complaint(), {path.string()}) == "");
  }
}

TEST_CASE("mapped files: one that was replaced or removed is as it was, and told") {
  const Temporary folder;
  const auto path = folder / "weights";
  put(path, page);
  const MappedFile file(path);
  CHECK(replaced_files().empty());
  SECTION("replaced") {
    put(folder / "new", "something else");
    fs::rename(folder / "new", path);
  }
  SECTION("removed") { fs::remove(path); }
  CHECK(complaint() == "");
  CHECK(replaced_files() == std::vector{path.string()});
  CHECK(file.text() == page);
  std::string past(page.size(), ' ');
  MappedRegion::holding(file.text().data())->read(file.bytes(), reinterpret_cast<std::byte*>(past.data()));
  CHECK(past == page);
}

TEST_CASE("mapped files: those that were let go do not count") {
  const Temporary folder;
  put(folder / "a", page);
  const void* address = nullptr;
  {
    const MappedFile file(folder / "a");
    address = file.text().data() + 100;
    REQUIRE(MappedRegion::holding(address) != nullptr);
    CHECK(MappedRegion::holding(file.text().data() + page.size()) == nullptr);
    fs::resize_file(folder / "a", 1);
  }
  CHECK(MappedRegion::holding(address) == nullptr);
  CHECK(complaint() == "");
}

TEST_CASE("mapped files: bytes are read past the map") {
  const Temporary folder;
  put(folder / "a", page + "0123456789" + page);
  const MappedFile file(folder / "a");
  const MappedRegion& region = *MappedRegion::holding(file.bytes().data());
  std::string some(10, ' ');
  const auto middle = file.bytes().subspan(page.size(), some.size());
  region.read(middle, reinterpret_cast<std::byte*>(some.data()));
  CHECK(some == "0123456789");
  fs::resize_file(folder / "a", page.size() + 5);
  CHECK(lacks(error_of([&] { region.read(middle, reinterpret_cast<std::byte*>(some.data())); }),
              {"shortened while it was mapped"}) == "");
}

TEST_CASE("mapped file guard: a file that is shortened ends the process with a sentence") {
  const Temporary folder;
  put(folder / "weights", page + page);
  const auto shorten = [&](const char* advice) {
    return in_child([&] {
      const MappedFile first(folder / "weights"), file(folder / "weights");
      const MappedFileGuard guard(advice), inner(advice);
      fs::resize_file(folder / "weights", 4096);
      touch(file.text().data());  // is there still
      touch(file.text().data() + 5000);
    });
  };
  const Ended ended = shorten("; and so on");
  CHECK(ended.exit_status() == 1);
  CHECK(ended.said == "\nerror: " + (folder / "weights").string() +
                          " was shortened while it was mapped: what it held is lost; and so on\n");
}

TEST_CASE("mapped file guard: any other SIGBUS goes to whoever had it") {
  const Temporary folder;
  put(folder / "other", page);
  const auto fault = [&](auto&& before) {
    return in_child([&] {
      before();
      const MappedFileGuard guard;
      touch(lost_page(folder / "other"));
    });
  };
  CHECK(fault([] {}).signal() == SIGBUS);
  CHECK(fault([] { std::signal(SIGBUS, SIG_IGN); }).signal() == SIGBUS);
  CHECK(fault([] { std::signal(SIGBUS, other_handler); }).exit_status() == 9);
  CHECK(fault([] {
          struct sigaction action {};
          action.sa_sigaction = other_action;
          action.sa_flags = SA_SIGINFO;
          ::sigaction(SIGBUS, &action, nullptr);
        }).exit_status() == 10);
  // One that somebody sends.
  const auto sent = [](void (*before)(int)) {
    return in_child([=] {
      std::signal(SIGBUS, before);
      const MappedFileGuard guard;
      ::raise(SIGBUS);
    });
  };
  CHECK(sent(SIG_DFL).signal() == SIGBUS);
  CHECK(sent(SIG_IGN).exit_status() == 7);
  CHECK(sent(other_handler).exit_status() == 9);
}

TEST_CASE("mapped file guard: after its end SIGBUS is what it was") {
  const Temporary folder;
  put(folder / "weights", page);
  const Ended ended = in_child([&] {
    const MappedFile file(folder / "weights");
    { const MappedFileGuard guard; }
    fs::resize_file(folder / "weights", 0);
    touch(file.text().data());
  });
  CHECK(ended.signal() == SIGBUS);
  CHECK(ended.said == "");
}
