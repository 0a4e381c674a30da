// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>

#include "catch.hpp"
#include "io_temporary.hpp"

/// A config.json as an object, read by `parse` after a change.
template <class Config>
struct ConfigFile {
  using json = nlohmann::json;
  Config (*parse)(std::string_view, const std::string&);
  json good;

  Config read() const { return parse(good.dump(), "config.json"); }
  Config with(const char* key, const json& value) const {
    json config = good;
    config[key] = value;
    return parse(config.dump(), "config.json");
  }
  Config without(const char* key) const {
    json config = good;
    config.erase(key);
    return parse(config.dump(), "config.json");
  }
  /// "" when the value is refused with the file's name and the key.
  std::string refused(const char* key, const json& value) const {
    json config = good;
    config[key] = value;
    const std::string message = error_of([&] { parse(config.dump(), "dir/config.json"); });
    return message.empty() ? peft::cat(key, " = ", value.dump(), " was taken")
                           : lacks(message, {"dir/config.json", key});
  }
  std::string refused_without(const char* key) const {
    json config = good;
    config.erase(key);
    return lacks(error_of([&] { parse(config.dump(), "dir/config.json"); }), {"dir/config.json", key});
  }

  /// Sizes: whole, positive, there.
  void check_sizes(std::initializer_list<const char*> keys, bool needed) const {
    for (const char* key : keys) {
      for (const json& value : {json(0), json(-2), json(1ll << 40), json(18446744073709551615ull), json("384"),
                                json(384.5), json(true), json::array({384}), json::object()})
        CHECK(refused(key, value) == "");
      if (needed) {
        CHECK(refused_without(key) == "");
        CHECK(refused(key, nullptr) == "");
      }
    }
  }
  void check_probabilities(std::initializer_list<const char*> keys) const {
    for (const char* key : keys)
      for (const json& value : {json(1), json(-0.1), json(1.5), json("0.1"), json(true)})
        CHECK(refused(key, value) == "");
  }
  void check_flags(std::initializer_list<const char*> keys) const {
    for (const char* key : keys)
      for (const json& value : {json(1), json("true"), json::array()}) CHECK(refused(key, value) == "");
  }
};
