// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/unix_stream.hpp>

namespace wring::net::detail {

/// The descriptors that wait to be sent over a Unix socket, each with the bytes that follow it: what is written before
/// one is not held up, and what is written after it has to wait here for its turn. Owns them all.
class WRING_API descriptor_outbox {
 public:
  /// Whether it holds anything, so that what is written now has to be added here.
  [[nodiscard]] bool holds() const noexcept { return sending_ || !parts_.empty(); }
  /// Whether send() has something to do: a descriptor with a byte to attach it to.
  [[nodiscard]] bool ready() const noexcept { return !parts_.empty() && !parts_.front().bytes.empty(); }
  /// Descriptors that are not sent.
  [[nodiscard]] std::size_t descriptors() const noexcept { return descriptors_; }
  /// Bytes that are not sent.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  void add(descriptor fd);
  /// Is sent after what was added before.
  void add(std::span<const std::byte> bytes);

  /// Sends what is ready, in order, until nothing is. One at a time. Throws io_error; then nothing more may be sent.
  task<> send(unix_stream& to);
  /// Drops everything, except what is being sent.
  void clear() noexcept { parts_.clear(); }

 private:
  struct part {
    std::vector<descriptor> descriptors;  // which go with the first byte
    std::vector<std::byte> bytes;
  };

  std::deque<part> parts_;
  std::size_t descriptors_ = 0;  // also of the part that is being sent
  std::size_t bytes_ = 0;
  bool sending_ = false;
};

}  // namespace wring::net::detail
