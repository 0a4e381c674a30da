// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/model/t5.hpp>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>

namespace peft::bench {

/// The four sizes of T5 (Raffel et al., 2020), or one of them with another number of layers in each stack (0: its own).
inline T5Config t5_config(const std::string& size, int layers = 0) {
  struct Numbers {
    const char* name;
    int layers, width, heads, head, inner;
  };
  constexpr Numbers sizes[] = {{"small", 6, 512, 8, 64, 2048},
                               {"base", 12, 768, 12, 64, 3072},
                               {"large", 24, 1024, 16, 64, 4096},
                               {"3b", 24, 1024, 32, 128, 16384}};
  for (const Numbers& n : sizes) {
    if (size != n.name) continue;
    T5Config c;
    c.num_layers = c.num_decoder_layers = layers > 0 ? layers : n.layers;
    c.d_model = n.width;
    c.num_heads = n.heads;
    c.d_kv = n.head;
    c.d_ff = n.inner;
    return c;
  }
  fail("size ", size, ": small, base, large or 3b");
}

/// A backbone of that shape for plans: a checkpoint whose file is one hole, mapped and never read, so that it takes
/// neither disk nor memory. What does read it finds zeros.
inline std::shared_ptr<const T5<float>> t5_without_values(const T5Config& c) {
  struct Folder {
    std::filesystem::path path;
    ~Folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
  };
  std::string name = (std::filesystem::temp_directory_path() / "t5-shape-XXXXXX").string();
  require(mkdtemp(name.data()) != nullptr, "cannot make a folder like ", name);
  const Folder folder{name};
  std::ofstream(folder.path / "config.json")
      << cat(R"({"model_type":"t5","is_encoder_decoder":true,"vocab_size":)", c.vocab_size,
             R"(,"pad_token_id":0,"eos_token_id":1,"d_model":)", c.d_model, R"(,"d_kv":)", c.d_kv, R"(,"d_ff":)",
             c.d_ff, R"(,"num_heads":)", c.num_heads, R"(,"num_layers":)", c.num_layers, R"(,"num_decoder_layers":)",
             c.num_decoder_layers, "}");
  std::string header;
  std::int64_t end = 0;
  const auto tensor = [&](const std::string& path, std::int64_t rows, std::int64_t cols) {
    const std::int64_t begin = end;
    end += 4 * (rows > 0 ? rows : 1) * cols;
    header += cat(header.empty() ? "{" : ",", "\"", path, R"(.weight":{"dtype":"F32","shape":[)",
                  rows > 0 ? cat(rows, ",") : std::string(), cols, R"(],"data_offsets":[)", begin, ",", end, "]}");
  };
  const std::int64_t d = c.d_model, q = c.attention_size();
  tensor("shared", c.vocab_size, d);
  for (const std::string stack : {"encoder", "decoder"}) {
    const bool decodes = stack == "decoder";
    for (int i = 0; i < (decodes ? c.num_decoder_layers : c.num_layers); ++i) {
      int part = 0;
      const auto sublayer = [&] { return cat(stack, ".block.", i, ".layer.", part++, "."); };
      const auto attention = [&](const std::string& at, const char* kind) {
        for (const char* projection : {"q", "k", "v"}) tensor(cat(at, kind, ".", projection), q, d);
        tensor(cat(at, kind, ".o"), d, q);
        tensor(at + "layer_norm", 0, d);
      };
      const std::string self = sublayer();
      attention(self, "SelfAttention");
      if (i == 0) tensor(self + "SelfAttention.relative_attention_bias", c.relative_attention_num_buckets, c.num_heads);
      if (decodes) attention(sublayer(), "EncDecAttention");
      const std::string feed_forward = sublayer();
      tensor(feed_forward + "DenseReluDense.wi", c.d_ff, d);
      tensor(feed_forward + "DenseReluDense.wo", d, c.d_ff);
      tensor(feed_forward + "layer_norm", 0, d);
    }
    tensor(stack + ".final_layer_norm", 0, d);
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');
  std::string length(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i) & 0xff);
  const auto file = folder.path / "model.safetensors";
  std::ofstream(file, std::ios::binary) << length << header;
  std::filesystem::resize_file(file, 8 + header.size() + static_cast<std::uintmax_t>(end));
  return T5<float>::open(folder.path);
}

}  // namespace peft::bench
