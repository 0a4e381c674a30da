// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <peft/io/hub_cache.hpp>
#include <string>

#include "catch.hpp"
#include "io_environment.hpp"
#include "io_temporary.hpp"

using namespace peft;
namespace fs = std::filesystem;

namespace {

/// A model in a cache as huggingface_hub lays it out: files are links to blobs.
fs::path cached(const fs::path& cache, const std::string& folder, const std::string& commit,
                const std::string& reference) {
  const auto snapshot = cache / folder / "snapshots" / commit;
  fs::create_directories(snapshot);
  fs::create_directories(cache / folder / "blobs");
  put(cache / folder / "blobs" / "b1", "{}");
  fs::create_symlink("../../blobs/b1", snapshot / "config.json");
  if (!reference.empty()) {
    fs::create_directories((cache / folder / "refs" / reference).parent_path());
    put(cache / folder / "refs" / reference, commit);
  }
  return snapshot;
}

std::string resolve_error(const std::string& model) {
  return error_of([&] { resolve_model(model); });
}

}  // namespace

TEST_CASE("hub cache: where it is") {
  const auto place = [](const std::map<std::string, std::string>& given) {
    const Environment environment(given);
    return hub_cache().string();
  };
  CHECK(place({{"HOME", "/home/me"}}) == "/home/me/.cache/huggingface/hub");
  CHECK(place({{"HOME", "/home/me"}, {"XDG_CACHE_HOME", "/x"}}) == "/x/huggingface/hub");
  CHECK(place({{"XDG_CACHE_HOME", "/x"}, {"HF_HOME", "/hf"}}) == "/hf/hub");
  CHECK(place({{"HF_HOME", "/hf"}, {"HUGGINGFACE_HUB_CACHE", "/old"}}) == "/old");
  CHECK(place({{"HUGGINGFACE_HUB_CACHE", "/old"}, {"HF_HUB_CACHE", "/new"}}) == "/new");
  CHECK(place({{"HOME", "/home/me"}, {"HF_HUB_CACHE", ""}, {"HF_HOME", "~/hf"}}) == "/home/me/hf/hub");
}

TEST_CASE("hub cache: a name is looked up, a folder wins") {
  const Temporary folder;
  const Environment environment({{"HF_HUB_CACHE", (folder / "hub").string()}});
  const std::string first(40, 'a'), second(40, 'b'), third(40, 'c');
  const auto main = cached(folder / "hub", "models--google-bert--bert-base-uncased", first, "main");
  const auto request = cached(folder / "hub", "models--google-bert--bert-base-uncased", second, "refs/pr/7");
  const auto old = cached(folder / "hub", "models--t5-small", third, "main");
  put(folder / "hub" / "models--t5-small" / "refs" / "main", third + "\n");

  CHECK(resolve_model("google-bert/bert-base-uncased") == main);
  CHECK(get(resolve_model("google-bert/bert-base-uncased") / "config.json") == "{}");
  CHECK(resolve_model("google-bert/bert-base-uncased@main") == main);
  CHECK(resolve_model("google-bert/bert-base-uncased@refs/pr/7") == request);
  CHECK(resolve_model("google-bert/bert-base-uncased@" + second) == request);
  CHECK(resolve_model("t5-small") == old);
  CHECK(resolve_model(folder.path().string()) == folder.path());

  const auto before = fs::current_path();
  fs::current_path(folder.path());
  fs::create_directories("google-bert/bert-base-uncased");
  const auto here = resolve_model("google-bert/bert-base-uncased");
  fs::current_path(before);
  CHECK(here == "google-bert/bert-base-uncased");
}

TEST_CASE("hub cache: what is not there is named with the command that brings it") {
  const Temporary folder;
  const Environment environment({{"HF_HUB_CACHE", (folder / "hub").string()}});
  CHECK(lacks(resolve_error("google-bert/bert-base-uncased"),
              {"google-bert/bert-base-uncased", "hub", "hf download google-bert/bert-base-uncased"}) == "");
  const std::string commit(40, 'a');
  cached(folder / "hub", "models--me--model", commit, "");
  CHECK(lacks(resolve_error("me/model"), {"me/model@" + commit, "hf download me/model"}) == "");
  CHECK(lacks(resolve_error("me/model@v2"), {"hf download me/model --revision v2"}) == "");
  cached(folder / "hub", "datasets--nyu-mll--glue", commit, "main");
  CHECK(lacks(resolve_error("nyu-mll/glue"), {"data set"}) == "");
}

TEST_CASE("hub cache: names and references that lead elsewhere") {
  const Temporary folder;
  const Environment environment({{"HF_HUB_CACHE", (folder / "hub").string()}});
  fs::create_directories(folder / "hub" / "models--me--model" / "snapshots");
  fs::create_directories(folder / "hub" / "models--me--model" / "refs");
  fs::create_directories(folder / "secret");
  for (const char* target : {"../../../secret", "..", ".", "", "/etc", "a/b"}) {
    put(folder / "hub" / "models--me--model" / "refs" / "main", target);
    CHECK(lacks(resolve_error("me/model"), {"neither"}) == "");
  }
  for (const char* name : {"", "../..x", "me/../model", "me/model@../../../secret", "me/model@", "/no/such/folder",
                           "a/b/c", "a//b", "me/--x", "me/a--b", "-me/model", "me/model.", "me/mo del", "me\nmodel",
                           "./nowhere", "me/", "datasets/me/data"})
    CHECK(lacks(resolve_error(name), {"no such folder"}) == "");
  CHECK(lacks(resolve_error(std::string(5000, 'x')), {"no such folder"}) == "");
}
