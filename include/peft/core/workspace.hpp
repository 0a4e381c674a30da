// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/core/memory.hpp>
#include <peft/core/tensor.hpp>

namespace peft {

/// One block of memory used as a two-ended stack: what backward needs grows from the bottom in forward order and is
/// released in reverse; temporaries come from the top. A workspace without memory only counts: running a step on it
/// *is* the plan.
template <ExecutionSpace E>
class Workspace {
 public:
  static constexpr std::size_t alignment = 64;

  Workspace() = default;
  Workspace(Workspace&&) = default;
  ~Workspace() { settle(); }

  /// Allocates `bytes` and invalidates every view taken before.
  void reserve(std::size_t bytes) {
    if (bytes > block_.size()) {
      settle();
      block_ = Block();  // freed first, so that both never exist at once
      block_ = allocated<Block>("peft::workspace", bytes, Kokkos::WithoutInitializing);
    }
    counting_ = false;
    clear();
  }
  /// Starts a plan: allocations get no memory and only move the marks.
  void count() {
    counting_ = true;
    clear();
    peak_ = bottom_peak_ = top_peak_ = 0;
    by_name_.clear();
  }
  bool counting() const { return counting_; }
  void clear() {
    bottom_ = top_ = 0;
    if (beyond_.empty()) return;
    settle();
    beyond_.clear();
    reserve(peak_);
  }
  /// From now on a take that finds no room is given a block of its own, and the next `clear` makes room for all: for
  /// what runs once per step, outside the plan.
  void grow_when_full() { grows_ = true; }

  /// A (rows, cols) matrix that lives until `release` to an earlier mark.
  template <class T>
  Mat<T, E> keep(Extent rows, Extent cols, const char* name = "stash") {
    return take<T>(bottom_, rows, cols, name);
  }
  /// A (rows, cols) matrix that lives until the enclosing `Scope` ends.
  template <class T>
  Mat<T, E> temp(Extent rows, Extent cols, const char* name = "temporary") {
    return take<T>(top_, rows, cols, name);
  }

  std::size_t mark() const { return bottom_; }
  void release(std::size_t mark) { bottom_ = mark; }

  /// Returns temporaries to the top when it ends.
  class Scope {
   public:
    explicit Scope(Workspace& space) : space_(space), top_(space.top_) {}
    ~Scope() { space_.top_ = top_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Workspace& space_;
    std::size_t top_;
  };

  /// Peak of the bytes in use since `count` (planned) or since the last `watch` (measured).
  std::size_t peak() const { return peak_; }
  /// Bytes that a pass which was counted writes to where there is room enough: the two ends are at their worst at
  /// different times.
  std::size_t spread() const { return bottom_peak_ + top_peak_; }
  void watch() { peak_ = 0; }
  /// While counting: the most bytes that each name held over a pass.
  const std::map<std::string, std::size_t>& by_name() const { return by_name_; }

 private:
  /// Waits for kernels that may still use the memory before it is freed.
  static void settle() {
    if constexpr (!on_host<E>) E{}.fence("peft::workspace");
  }

  using Block = Kokkos::View<std::byte*, typename E::memory_space>;

  template <class T>
  Mat<T, E> take(std::size_t& end, Extent rows, Extent cols, const char* name) {
    const std::size_t bytes =
        (static_cast<std::size_t>(rows) * cols * sizeof(T) + alignment - 1) / alignment * alignment;
    const std::size_t at = end;
    end += bytes;
    peak_ = std::max(peak_, bottom_ + top_);
    (&end == &bottom_ ? bottom_peak_ : top_peak_) = std::max(&end == &bottom_ ? bottom_peak_ : top_peak_, end);
    if (counting_) {
      by_name_[name] += bytes;
      return Mat<T, E>(nullptr, rows, cols);
    }
    if (bottom_ + top_ > block_.size() && grows_) {
      beyond_.push_back(allocated<Block>("peft::workspace", bytes, Kokkos::WithoutInitializing));
      return Mat<T, E>(reinterpret_cast<T*>(beyond_.back().data()), rows, cols);
    }
    if (bottom_ + top_ > block_.size())
      fail("workspace: ", name, " (", rows, ", ", cols, ") does not fit: ", bottom_ + top_, " bytes of ", block_.size(),
           " planned; plan with a group at least as large as those of the step");
    std::byte* p = &end == &bottom_ ? block_.data() + at : block_.data() + block_.size() - end;
    return Mat<T, E>(reinterpret_cast<T*>(p), rows, cols);
  }

  Block block_;
  std::vector<Block> beyond_;
  std::size_t bottom_ = 0, top_ = 0, peak_ = 0, bottom_peak_ = 0, top_peak_ = 0;
  bool counting_ = false, grows_ = false;
  std::map<std::string, std::size_t> by_name_;
};

}  // namespace peft
