// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/io/torch/byte_reader.hpp>
#include <peft/io/torch/pickle.hpp>
#include <peft/io/torch/torch_file.hpp>
#include <peft/io/torch/zip.hpp>

namespace peft {

namespace torch_file {

using Bytes = std::span<const std::byte>;

/// How a file of the older form begins: a pickle of this number alone.
PEFT_INLINE constexpr std::string_view magic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
PEFT_INLINE constexpr std::int64_t protocol = 1001;

/// NAME/data.pkl has the objects, NAME/data/KEY the storages, NAME/byteorder how numbers lie there.
PEFT_INLINE pickle::StateDict read_zip(Bytes bytes, const std::string& file) {
  const auto entries = read_stored_zip(bytes, file);
  std::string_view root;
  Bytes objects;
  for (const auto& [name, content] : entries) {
    constexpr std::string_view end = "/data.pkl";
    if (!name.ends_with(end) || name.find('/') != name.size() - end.size()) continue;
    if (!root.empty()) fail(file, ": both ", root, end, " and ", name, " are in it, one was expected");
    root = name.substr(0, name.size() - end.size()), objects = content;
  }
  if (root.empty()) fail(file, ": there is no data.pkl in this archive; PyTorch has not saved it");
  pickle::Storages storages;
  for (const auto& [name, content] : entries) {
    if (!name.starts_with(root) || name.substr(root.size(), 1) != "/") continue;
    const auto part = name.substr(root.size() + 1);
    if (part.starts_with("data/")) storages.emplace(part.substr(5), content);
    if (part == "constants.pkl") fail(file, " is a TorchScript program, not a model's state_dict()");
    if (part == "byteorder" &&
        std::string_view(reinterpret_cast<const char*>(content.data()), content.size()) != "little")
      fail(file, " was saved on a big-endian machine; load it with PyTorch and save it again");
  }
  pickle::Unpickler unpickler(objects, file + ": data.pkl");
  const auto dict = unpickler.read();
  return pickle::read_state_dict(unpickler, dict, storages, bytes.size(), file);
}

/// Behind the objects a list of the storages' keys, and of each its number of elements and these.
PEFT_INLINE pickle::Storages read_storages(pickle::Unpickler& unpickler, const std::string& file) {
  std::map<std::string_view, const pickle::Object*> wanted;
  const auto count = static_cast<pickle::Id>(unpickler.count());
  const auto keys = unpickler.read();
  for (pickle::Id id = 0; id < count; ++id) {
    const auto& object = unpickler.at(id);
    if (object.kind != pickle::Kind::storage) continue;
    const auto [found, made] = wanted.emplace(object.text, &object);
    if (!made && (found->second->dtype != object.dtype || found->second->number != object.number))
      fail(file, ": the storage \"", object.text, "\" is once ", found->second->number, " elements of ",
           name(found->second->dtype), " and once ", object.number, " of ", name(object.dtype));
  }
  pickle::Storages storages;
  ByteReader& rest = unpickler.rest();
  for (const auto key : unpickler.at(keys).items) {
    const auto found = wanted.find(unpickler.at(key).text);
    if (found == wanted.end()) rest.refuse("a storage \"", unpickler.at(key).text, "\" follows that no tensor has");
    const auto& [text, storage] = *found;
    const auto elements = rest.number<std::int64_t>();
    const auto size = size_of(storage->dtype);
    if (elements != storage->number || static_cast<std::uint64_t>(elements) > rest.left() / size)
      rest.refuse("the storage \"", text, "\" has ", elements, " elements, expected ", storage->number, " in ",
                  rest.left(), " bytes; the file is damaged or was cut off");
    if (!storages.emplace(text, rest.bytes(static_cast<std::uint64_t>(elements) * size)).second)
      rest.refuse("the storage \"", text, "\" comes twice");
  }
  if (rest.left() != 0) rest.refuse(rest.left(), " bytes follow the last storage");
  return storages;
}

/// Pickles of a number, a version, the machine's properties, the objects, and the storages' keys.
PEFT_INLINE pickle::StateDict read_older(Bytes bytes, const std::string& file) {
  pickle::Unpickler unpickler(bytes.subspan(magic.size()), file);
  const auto version = unpickler.read();
  if (unpickler.at(version).number != protocol)
    fail(file, ": PyTorch's protocol is ", unpickler.at(version).number, ", expected ", protocol);
  const auto machine = unpickler.read();
  const auto& properties = unpickler.at(machine).items;
  for (std::size_t i = 0; i + 1 < properties.size(); i += 2)
    if (unpickler.at(properties[i]).text == "little_endian" && unpickler.at(properties[i + 1]).number != 1)
      fail(file, " was saved on a big-endian machine; load it with PyTorch and save it again");
  const auto dict = unpickler.read();
  const auto storages = read_storages(unpickler, file);
  return pickle::read_state_dict(unpickler, dict, storages, bytes.size(), file);
}

}  // namespace torch_file

PEFT_INLINE pickle::StateDict read_torch_file(std::span<const std::byte> bytes, const std::string& file) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("PK\x03\x04")) return torch_file::read_zip(bytes, file);
  if (text.starts_with(torch_file::magic)) return torch_file::read_older(bytes, file);
  if (text.size() > 262 && text.substr(257, 5) == "ustar")
    fail(file, " is a tar archive, as PyTorch before 0.1.10 wrote them; load it with PyTorch and save it again");
  fail(file, ": PyTorch has not written this file: it is neither a zip archive nor a pickle with PyTorch's number");
}

PEFT_INLINE TorchFile TorchFile::open(const std::filesystem::path& path) {
  struct Owner {
    MappedFile file;
    std::deque<std::vector<std::byte>> copies;
  };
  auto owner = std::make_shared<Owner>(Owner{MappedFile(path), {}});
  auto state = read_torch_file(owner->file.bytes(), path.string());
  owner->copies = std::move(state.copies);  // the bytes stay where they are
  return {path.string(), std::move(state.tensors), {}, std::move(owner)};
}

}  // namespace peft
