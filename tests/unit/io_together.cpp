// SPDX-License-Identifier: Apache-2.0
// Files that are put in place together, know one another, and have one owner.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <peft/io/atomic_files.hpp>
#include <peft/io/delta_file.hpp>
#include <peft/io/folder_lock.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/saved_together.hpp>

#include "catch.hpp"
#include "io_foreign.hpp"
#include "io_temporary.hpp"

using namespace peft;
namespace fs = std::filesystem;

namespace {

PeftAdapter adapter(double alpha, float value = 1) {
  PeftAdapter a = new_adapter("LORA", "some/model", {});
  a.config["r"] = 1;
  a.config["lora_alpha"] = plain_number(alpha);
  a.config["target_modules"] = {"value", "query"};
  a.add("base_model.model.x.query.lora_A.weight", {1, 2}, {value, 2});
  a.add("base_model.model.x.query.lora_B.weight", {2, 1}, {3, value});
  return a;
}

const DeltaFile delta{"sora", {}, {{"a", {1}, {1}}}};

const char *config_file = "adapter_config.json", *tensor_file = "adapter_model.safetensors";

/// What reading a folder ends in.
std::string reading(const fs::path& folder) {
  return error_of(
      [&] { has_delta(folder) ? static_cast<void>(load_delta(folder)) : static_cast<void>(load_peft(folder)); });
}

/// A process that has ended.
::pid_t dead_process() {
  const ::pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

}  // namespace

TEST_CASE("files together: what cannot be written whole changes nothing") {
  const Temporary folder;
  put(folder / "weights", "old");
  put(folder / "config", "old");
  fs::create_directory(folder / "closed");
  {
    AtomicFiles files;
    files.add(folder / "weights").write("new");
    CHECK_THROWS_AS(files.add(folder / "weights"), Error);
    CHECK_THROWS_AS(files.add(folder / "closed"), Error);
    files.remove(folder / "config");
  }
  CHECK(get(folder / "weights") == "old");
  CHECK(get(folder / "config") == "old");
  CHECK(count_files(folder.path()) == 3);
}

TEST_CASE("files together: in new folders, in place of old ones, and without what is no more") {
  const Temporary folder;
  put(folder / "older", "x");
  for (const std::string content : {"first", "second"}) {
    AtomicFiles files;
    files.add(folder / "a/b/weights").write(content);
    files.add_seal(folder / "a/b/config").write(content);
    files.remove(folder / "older");
    files.remove(folder / "a/b/config");  // it is one of the set
    files.commit();
    CHECK(get(folder / "a/b/weights") == content);
    CHECK(get(folder / "a/b/config") == content);
    CHECK(count_files(folder / "a/b") == 2);
    CHECK_FALSE(fs::exists(folder / "older"));
  }
}

TEST_CASE("files together: when putting in place fails there is no seal, and that is said") {
  const Temporary folder;
  put(folder / "config", "old");
  AtomicFiles files;
  files.add(folder / "weights").write("new");
  files.add_seal(folder / "config").write("new");
  fs::create_directory(folder / "weights");
  CHECK(lacks(error_of([&] { files.commit(); }), {"weights", "directory", "cannot be used until it is saved again"}) ==
        "");
  CHECK_FALSE(fs::exists(folder / "config"));
}

TEST_CASE("an adapter's config: names and forms do not count, numbers do") {
  const std::string hash = hash_of_config(adapter(16));
  const auto with = [](const char* key, const nlohmann::json& value) {
    PeftAdapter a = adapter(16);
    a.config[key] = value;
    return hash_of_config(a);
  };
  CHECK(with("base_model_name_or_path", "other") == hash);
  CHECK(with("task_type", "TOKEN_CLS") == hash);
  CHECK(with("lora_alpha", 16.0) == hash);
  CHECK(with("target_modules", {"query", "value"}) == hash);
  CHECK(with("use_dora", nullptr) == hash);  // as it is when it is missing
  CHECK(with("a_key_of_the_future", 7) == hash);
  for (const auto& [key, value] : std::map<std::string, nlohmann::json>{{"lora_alpha", 4},
                                                                        {"r", 2},
                                                                        {"use_rslora", true},
                                                                        {"use_dora", true},
                                                                        {"target_modules", {"query"}},
                                                                        {"fan_in_fan_out", true},
                                                                        {"bias", "all"},
                                                                        {"modules_to_save", {"x"}},
                                                                        {"peft_type", "ADALORA"},
                                                                        {"rank_pattern", {{"query", 2}}},
                                                                        {"alpha_pattern", {{"query", 2}}}})
    CHECK(with(key.c_str(), value) != hash);
}

TEST_CASE("an adapter's files of two saves are refused, those of others are not") {
  const Temporary one, two;
  save_peft(one.path(), adapter(16));
  save_peft(two.path(), adapter(4));
  CHECK(reading(one.path()) == "");
  const auto overwrite = fs::copy_options::overwrite_existing;
  fs::copy_file(one / tensor_file, two / tensor_file, overwrite);
  CHECK(lacks(reading(two.path()), {config_file, tensor_file, "--resume", "Take both from one save"}) == "");
  fs::copy_file(one / config_file, two / config_file, overwrite);
  CHECK(reading(two.path()) == "");
  // A name in the config may be changed.
  auto config = nlohmann::json::parse(get(two / config_file));
  config["base_model_name_or_path"] = "elsewhere";
  put(two / config_file, config.dump());
  CHECK(reading(two.path()) == "");
  // Another library's have no note.
  config["lora_alpha"] = 5;
  put(two / config_file, config.dump());
  CHECK(reading(two.path()) != "");
  make_foreign(two / tensor_file);
  CHECK(reading(two.path()) == "");
}

TEST_CASE("a delta hides no adapter of another save") {
  const Temporary folder, other;
  AtomicFiles files;
  stage_delta(files, folder.path(), delta, stage_peft(files, folder.path(), adapter(16)));
  commit_save(files, folder.path());
  CHECK(reading(folder.path()) == "");
  CHECK(error_of([&] { load_peft(folder.path()); }) == "");
  CHECK(count_files(folder.path()) == 3);

  save_peft(other.path(), adapter(16, 5));  // the same config
  fs::copy_file(other / tensor_file, folder / tensor_file, fs::copy_options::overwrite_existing);
  CHECK(lacks(reading(folder.path()), {"not of one save", "another folder"}) == "");
  CHECK(lacks(error_of([&] { load_peft(folder.path()); }), {"not of one save"}) == "");

  // Whatever is saved next is alone.
  save_delta(folder.path(), delta);
  CHECK(count_files(folder.path()) == 1);
  fs::copy_file(folder / delta_file_name, other / delta_file_name);
  CHECK(lacks(reading(other.path()), {"not of one save"}) == "");
  save_peft(folder.path(), adapter(16));
  CHECK(count_files(folder.path()) == 2);
  CHECK(reading(folder.path()) == "");
}

TEST_CASE("a folder has one owner, who is named") {
  const Temporary folder;
  std::optional<FolderLock> first(std::in_place, folder.path(), "finetune --out here");
  const std::string me = cat("process ", ::getpid(), " on ");
  CHECK(lacks(error_of([&] { FolderLock(folder.path(), "another"); }),
              {folder.path().string(), me, "finetune --out here", "another folder"}) == "");
  first.reset();
  CHECK(count_files(folder.path()) == 0);
  // Who dies leaves the file and not the lock.
  put(folder / lock_file_name, "process 1 on host since then: x\n");
  {
    FolderLock next(folder.path(), "y");
    CHECK(get(folder / lock_file_name).starts_with(me));
  }
  put(folder / lock_file_name, "process 1 on host since then: x\n");
  leave_folder(folder.path());
  CHECK(count_files(folder.path()) == 1);  // not ours
}

TEST_CASE("the lock goes with the process, through exec too") {
  const Temporary folder;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const ::pid_t child = ::fork();
  if (child == 0) {
    new FolderLock(folder.path(), "child");  // which outlives this
    ::close(ready[0]);
    ::dup2(ready[1], 1);
    ::execl("/bin/sh", "sh", "-c", "echo; exec sleep 60", nullptr);
    ::_exit(1);
  }
  ::close(ready[1]);
  char byte;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  ::close(ready[0]);
  CHECK(lacks(error_of([&] { FolderLock(folder.path(), "another"); }), {cat("process ", child)}) == "");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(error_of([&] { FolderLock(folder.path(), "another"); }) == "");
}

TEST_CASE("what killed writers have left is removed, and nothing else") {
  const Temporary folder;
  const std::string dead = std::to_string(dead_process()), alive = std::to_string(::getppid());
  for (const std::string& name :
       {".run.safetensors." + dead + ".0.tmp", ".a.b." + dead + ".12.tmp", ".run.safetensors." + alive + ".0.tmp",
        std::string("a.1.2.tmp"), std::string(".x.tmp"), ".x." + dead + ".tmp", ".x." + dead + ".1.tmp2",
        "." + dead + ".1.tmp"})
    put(folder / name, "");
  remove_leftovers(folder.path(), "a.b");
  CHECK(count_files(folder.path()) == 7);
  remove_leftovers(folder.path());
  CHECK(count_files(folder.path()) == 6);
  remove_leftovers(folder / "none");
}

TEST_CASE("folders are made with those above them") {
  const Temporary folder;
  make_folder(folder / "a/b/");
  CHECK(fs::is_directory(folder / "a/b"));
  make_folder(folder / "a/b/../c");
  CHECK(fs::is_directory(folder / "a/c"));
  put(folder / "file", "");
  CHECK(lacks(error_of([&] { make_folder(folder / "file/x"); }), {"cannot make the folder", "file"}) == "");
  fs::create_symlink("nowhere/x", folder / "link");
  CHECK(lacks(error_of([&] { make_folder(folder / "link"); }), {"cannot make the folder", "link"}) == "");
}

TEST_CASE("a file that may not be written is not replaced, and a circle of links is named") {
  const Temporary folder;
  fs::create_symlink("b", folder / "a");
  fs::create_symlink("a", folder / "b");
  CHECK(lacks(error_of([&] { AtomicFile file(folder / "a"); }), {"cannot write", "symbolic links"}) == "");
  fs::create_symlink("new", folder / "ahead");
  write_file(folder / "ahead", "text");
  CHECK(get(folder / "new") == "text");
  CHECK(fs::is_symlink(folder / "ahead"));
  write_file(folder / "file", "kept");
  fs::permissions(folder / "file", fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  fs::permissions(folder.path(), fs::perms::all);
  const bool root = ::geteuid() == 0;
  if (root) REQUIRE(::seteuid(65534) == 0);
  const std::string said = error_of([&] { write_file(folder / "file", "lost"); });
  if (root) REQUIRE(::seteuid(0) == 0);
  CHECK(lacks(said, {"Permission denied", "may not be written"}) == "");
  CHECK(get(folder / "file") == "kept");
}
