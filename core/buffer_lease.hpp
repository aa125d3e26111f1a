// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <wring/core/detail/export.hpp>

namespace wring {

/// Received bytes, and the memory they are in: what `read_some` returns. Move-only; destroying the lease returns the
/// memory. That is usually a buffer of the scheduler's pool, so keep a lease only as long as the bytes are needed (copy
/// what must live longer): while all buffers are leased, receives wait. Use and destroy it on its scheduler's thread,
/// before the scheduler ends.
class buffer_lease {
 public:
  /// Returns memory to its owner; `tag` is the value that was passed with it.
  using release_function = void (*)(void* owner, std::uint32_t tag) noexcept;

  buffer_lease() noexcept = default;
  /// Lends `size` bytes, less than 4 GiB, that are not the pool's: `release(owner, tag)` is called when the lease is
  /// destroyed, even if `size` is zero. For streams whose bytes are in memory of their own.
  buffer_lease(std::byte* data, std::size_t size, release_function release, void* owner, std::uint32_t tag = 0) noexcept
      : release_(release), owner_(owner), data_(data), size_(static_cast<std::uint32_t>(size)), tag_(tag) {}
  buffer_lease(buffer_lease&& other) noexcept
      : release_(other.release_), owner_(other.owner_), data_(other.data_), size_(other.size_), tag_(other.tag_) {
    other.release_ = nullptr;
    other.size_ = 0;
  }
  buffer_lease& operator=(buffer_lease&& other) noexcept {
    if (this != &other) {
      if (release_ != nullptr) release_(owner_, tag_);
      release_ = other.release_;
      owner_ = other.owner_;
      data_ = other.data_;
      size_ = other.size_;
      tag_ = other.tag_;
      other.release_ = nullptr;
      other.size_ = 0;
    }
    return *this;
  }
  ~buffer_lease() {
    if (release_ != nullptr) release_(owner_, tag_);
  }

  /// `size` bytes of memory of its own, uninitialised and aligned for any type; recycled by the thread if it is 2 KiB
  /// or less. Throws std::bad_alloc, also from 4 GiB on.
  [[nodiscard]] WRING_API static buffer_lease allocate(std::size_t size);
  /// The same, filled with `bytes`.
  [[nodiscard]] WRING_API static buffer_lease copy_of(std::span<const std::byte> bytes);

  /// False for the end of the stream.
  explicit operator bool() const noexcept { return size_ != 0; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::byte* begin() const noexcept { return data_; }
  [[nodiscard]] std::byte* end() const noexcept { return data_ + size_; }

  /// Drops the first `count` bytes (at most size()).
  void consume(std::size_t count) noexcept {
    data_ += count;
    truncate(size_ - count);
  }

  /// Keeps only the first `count` bytes (at most size()).
  void truncate(std::size_t count) noexcept {
    size_ = static_cast<std::uint32_t>(count);
    if (size_ == 0) reset();
  }

  /// Returns the memory.
  void reset() noexcept {
    data_ = nullptr;
    size_ = 0;
    if (release_ != nullptr) std::exchange(release_, nullptr)(owner_, tag_);
  }

 private:
  release_function release_ = nullptr;
  void* owner_ = nullptr;
  std::byte* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t tag_ = 0;
};

static_assert(sizeof(buffer_lease) <= 32);

}  // namespace wring
