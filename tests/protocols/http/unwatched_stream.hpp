// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <wring/net/memory_stream.hpp>

namespace wring::tests {

/// A stream that cannot be watched, nor tell what it has received.
class unwatched_stream {
 public:
  explicit unwatched_stream(net::memory_stream& s) noexcept : stream_(s) {}
  [[nodiscard]] auto read_some() noexcept { return stream_.read_some(); }
  [[nodiscard]] auto read(std::span<std::byte> into) noexcept { return stream_.read(into); }
  [[nodiscard]] auto write_all(std::span<const std::byte> data) noexcept { return stream_.write_all(data); }
  [[nodiscard]] auto write_all(std::span<const std::span<const std::byte>> parts) noexcept {
    return stream_.write_all(parts);
  }
  [[nodiscard]] auto shut_down_write() noexcept { return stream_.shut_down_write(); }
  [[nodiscard]] auto close() noexcept { return stream_.close(); }
  void abort() noexcept { stream_.abort(); }

 private:
  net::memory_stream& stream_;
};

}  // namespace wring::tests
