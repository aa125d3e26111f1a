// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <wring/core/detail/process/close_descriptor.hpp>

namespace wring::net {

/// Owns a file descriptor on which no operation is in flight; closes it unless it was released. Movable.
class descriptor {
 public:
  /// Owns none.
  descriptor() noexcept = default;
  /// Takes over `fd`; a negative one is none.
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(other.release()) {}
  /// Swaps: `other` gets what this one owned, and closes it when it is destroyed.
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() {
    if (fd_ >= 0) wring::detail::close_descriptor(fd_);
  }

  /// Borrowed; negative if there is none.
  [[nodiscard]] int get() const noexcept { return fd_; }
  /// Passes ownership to the caller.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace wring::net
