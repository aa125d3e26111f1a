// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <wring/core/detail/process/close_descriptor.hpp>

namespace wring::net {

/// Owns a file descriptor that no operation is in flight on: closes it, unless release() has given it away. Movable.
class descriptor {
 public:
  /// None.
  descriptor() noexcept = default;
  /// Takes over `fd`; a negative one is none.
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(other.release()) {}
  /// The other one gets, and closes in the end, what this one had.
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() {
    if (fd_ >= 0) wring::detail::close_descriptor(fd_);
  }

  /// Borrowed; negative if there is none.
  [[nodiscard]] int get() const noexcept { return fd_; }
  /// The caller's from now on.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace wring::net
