// SPDX-License-Identifier: Apache-2.0
#include <peft/core/fields.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/reduce.hpp>
#include <peft/optim/sgd.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "catch.hpp"

using namespace peft;

namespace {

/// More numbers than an Extent counts in 2 MiB of memory: every 2 MiB of the range are the same ones.
class Repeated {
 public:
  static constexpr std::size_t block = std::size_t{1} << 19;

  explicit Repeated(std::size_t n) : bytes_((n + block - 1) / block * block * sizeof(float)) {
    const int file = memfd_create("repeated", 0);
    REQUIRE(ftruncate(file, block * sizeof(float)) == 0);
    void* const range = mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(range != MAP_FAILED);
    for (std::size_t at = 0; at < bytes_; at += block * sizeof(float))
      REQUIRE(mmap(static_cast<char*>(range) + at, block * sizeof(float), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED);
    close(file);
    data_ = static_cast<float*>(range);
  }
  ~Repeated() { munmap(data_, bytes_); }
  Repeated(const Repeated&) = delete;
  Repeated& operator=(const Repeated&) = delete;

  float* data() const { return data_; }

 private:
  std::size_t bytes_;
  float* data_ = nullptr;
};

}  // namespace

TEST_CASE("more than 2^31 trained numbers are updated, summed and cleared", "[ops]") {
  Layout layout;
  layout.add({"all", (1 << 16) + 1, 1 << 15, false, Role::trained, zeros(), {}});
  layout.finish();
  const std::int64_t n = layout.gradient_size();
  constexpr std::int64_t repeats = std::int64_t{1} << 12, rest = 1 << 15;  // of a block, and numbers after them
  REQUIRE(n == repeats * static_cast<std::int64_t>(Repeated::block) + rest);
  const Repeated values(static_cast<std::size_t>(n));
  Worker<Host> w;
  SGD::State<float, Host> state(layout);
  // The values are their own gradients, so that each of the block's repeats multiplies them by 1 + 1 / 64.
  std::fill_n(values.data(), Repeated::block, 0x1p-60f);
  state.update({}, w, layout, values.data(), values.data(), -1. / 64, 1);
  const auto times = [&](std::int64_t i) { return std::log(double(values.data()[i]) * 0x1p60) / std::log1p(1. / 64); };
  CHECK(std::abs(times(rest) - repeats) < 0.1);
  CHECK(std::abs(times(0) - (repeats + 1)) < 0.1);
  ops::fill(w, flat<Host>(values.data(), n), 0.5f);
  CHECK(ops::squared_norm(w, flat<Host>(values.data(), n)) == 0.25 * double(n));
  CHECK(ops::count_not_finite(w, flat<Host>(values.data(), n)) == 0);
}
