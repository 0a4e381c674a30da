// SPDX-License-Identifier: Apache-2.0
// Mapped and atomically written files, with disks that fill up and processes that are killed.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <peft/io/atomic_file.hpp>
#include <peft/io/mapped_file.hpp>
#include <string>
#include <utility>

#include "catch.hpp"
#include "io_temporary.hpp"

using namespace peft;
namespace fs = std::filesystem;

TEST_CASE("mapped file: content, emptiness, moving") {
  const Temporary folder;
  put(folder / "some", "hello");
  put(folder / "empty", "");
  MappedFile some(folder / "some");
  CHECK(some.text() == "hello");
  CHECK(some.bytes().size() == 5);
  CHECK(MappedFile(folder / "empty").bytes().empty());
  MappedFile moved(std::move(some));
  CHECK(moved.text() == "hello");
  moved = MappedFile(folder / "empty");
  CHECK(moved.text().empty());
}

TEST_CASE("mapped file: what cannot be mapped says why") {
  const Temporary folder;
  CHECK(lacks(error_of([&] { MappedFile file(folder / "none"); }), {"none", "No such file"}) == "");
  CHECK(lacks(error_of([&] { MappedFile file(folder.path()); }), {"directory"}) == "");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(lacks(error_of([&] { MappedFile file(folder / "pipe"); }), {"not a regular file"}) == "");
  CHECK(lacks(error_of([&] { MappedFile file("/dev/zero"); }), {"not a regular file"}) == "");
}

TEST_CASE("atomic file: new, replaced, given up") {
  const Temporary folder;
  const auto path = folder / "file";
  write_file(path, "old");
  CHECK(get(path) == "old");
  {
    AtomicFile file(path);
    file.write("new");
    CHECK(get(path) == "old");
    CHECK(count_files(folder.path()) == 2);
  }
  CHECK(get(path) == "old");
  CHECK(count_files(folder.path()) == 1);
  AtomicFile file(path);
  file.write("ne");
  file.write("w");
  file.commit();
  CHECK(get(path) == "new");
  CHECK(count_files(folder.path()) == 1);
  CHECK_THROWS_AS(file.write("more"), Error);
  CHECK_THROWS_AS(file.commit(), Error);
}

TEST_CASE("atomic file: a link stays a link and permissions stay") {
  const Temporary folder;
  write_file(folder / "real", "old");
  fs::permissions(folder / "real", fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("real", folder / "link");
  write_file(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(get(folder / "real") == "new");
  CHECK(fs::status(folder / "real").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("atomic file: places that cannot be written say why") {
  const Temporary folder;
  CHECK(lacks(error_of([&] { AtomicFile file(folder / "none" / "file"); }), {"No such file or directory"}) == "");
  CHECK(lacks(error_of([&] { AtomicFile file(folder.path()); }), {"directory"}) == "");
  write_file(folder / "plain", "text");
  CHECK(lacks(error_of([&] { AtomicFile file(folder / "plain" / "file"); }), {"Not a directory"}) == "");
  CHECK_NOTHROW(write_file(folder / std::string(250, 'n'), "a long name"));
  if (::geteuid() != 0) {  // root may write anywhere
    fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
    CHECK(lacks(error_of([&] { AtomicFile file(folder / "file"); }), {"Permission denied"}) == "");
    fs::permissions(folder.path(), fs::perms::owner_all);
  }
}

TEST_CASE("atomic file: beyond the limit on file sizes the old file stays") {
  const Temporary folder;
  const auto path = folder / "file";
  write_file(path, "old");
  struct ::rlimit before {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const ::rlimit tight{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
  const std::string message = error_of([&] { write_file(path, std::string(5000, 'x')); });
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  CHECK(lacks(message, {"File too large", "unchanged"}) == "");
  CHECK(get(path) == "old");
  CHECK(count_files(folder.path()) == 1);
}

TEST_CASE("atomic file: on a full disk the old file stays") {
  const Temporary folder;
  const auto disk = folder / "disk";
  fs::create_directory(disk);
  // needs the right to mount; the limit on file sizes above covers the same code elsewhere
  if (::mount("none", disk.c_str(), "tmpfs", 0, "size=64k") != 0) return;
  write_file(disk / "file", "old");
  const std::string message = error_of([&] { write_file(disk / "file", std::string(200000, 'x')); });
  const std::string content = get(disk / "file");
  const std::size_t files = count_files(disk);
  CHECK(::umount(disk.c_str()) == 0);
  CHECK(lacks(message, {"No space left"}) == "");
  CHECK(content == "old");
  CHECK(files == 1);
}

TEST_CASE("atomic file: killed at any moment, the file is the old or the new one") {
  const Temporary folder;
  const auto path = folder / "file";
  const std::string a(300000, 'a'), b(400000, 'b');
  write_file(path, a);
  int wrong = 0, killed = 0;
  for (int round = 0; round < 40; ++round) {
    const ::pid_t child = ::fork();
    if (child == 0) {
      for (;;) {  // no allocation that matters, no test framework: only files
        write_file(path, b);
        write_file(path, a);
      }
    }
    REQUIRE(child > 0);
    ::usleep(static_cast<::useconds_t>(500 + 617 * round % 9000));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    const std::string content = get(path);
    wrong += content != a && content != b;
  }
  CHECK(killed == 40);
  CHECK(wrong == 0);
}
