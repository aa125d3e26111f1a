// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <wring/core/block_pool.hpp>
#include <wring/core/buffer_lease.hpp>

namespace wring::http::detail {

/// Memory that is given back all at once, when its request has ended. Begins with what it is lent, and goes on with
/// blocks of the pool.
class arena {
 public:
  explicit arena(block_pool& pool) noexcept : pool_(pool) {}
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;
  ~arena() { release(); }

  /// Gives everything back before the end, also what it was lent.
  void release() noexcept {
    room_ = {};
    while (blocks_ != nullptr) {
      buffer_lease block = std::move(blocks_->lease);
      blocks_ = blocks_->before;
    }
  }

  /// Allocates from `room` next.
  void use(std::span<std::byte> room) noexcept { room_ = room; }

  /// Uninitialised. Throws what block_pool::acquire throws.
  [[nodiscard]] std::byte* allocate(std::size_t size, std::size_t alignment = 1) {
    const auto gap = -reinterpret_cast<std::uintptr_t>(room_.data()) & (alignment - 1);
    if (room_.size() < gap + size) [[unlikely]] {
      add_block(size + alignment);
      return allocate(size, alignment);
    }
    std::byte* const at = room_.data() + gap;
    room_ = room_.subspan(gap + size);
    return at;
  }
  [[nodiscard]] char* characters(std::size_t size) { return reinterpret_cast<char*>(allocate(size)); }
  /// A copy.
  [[nodiscard]] std::string_view keep(std::string_view text) {
    if (text.empty()) return {};
    return {static_cast<char*>(std::memcpy(allocate(text.size()), text.data(), text.size())), text.size()};
  }
  template <class T, class... Args>
  [[nodiscard]] T* make(Args&&... args) {
    return std::construct_at(reinterpret_cast<T*>(allocate(sizeof(T), alignof(T))), std::forward<Args>(args)...);
  }

 private:
  struct chained {
    chained* before;
    buffer_lease lease;
  };

  void add_block(std::size_t size) {
    buffer_lease lease = pool_.acquire(size + sizeof(chained));
    const std::span all(lease.data(), lease.size());
    blocks_ = std::construct_at(reinterpret_cast<chained*>(all.data()), blocks_, buffer_lease());
    blocks_->lease = std::move(lease);
    room_ = all.subspan(sizeof(chained));
  }

  block_pool& pool_;
  std::span<std::byte> room_;
  chained* blocks_ = nullptr;
};

}  // namespace wring::http::detail
