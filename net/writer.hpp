// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/net/detail/write_buffer.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

/// Collects small writes and passes them to a stream together: on `flush`, or once there are more than `capacity`
/// bytes.
///
///     wring::net::writer out(peer);
///     co_await out.write("HTTP/1.1 200 OK\r\n");
///     co_await out.write(headers);
///     co_await out.flush();
///
/// What was written and not flushed is lost when the writer is destroyed: a destructor cannot wait. An empty writer
/// holds no memory. Operations have `.result()`, and throw io_error for the stream's faults, after which nothing more
/// can be written, and errc::busy while another task writes. A writer refers to its stream, which must outlive it; one
/// thread.
class WRING_API writer {
 public:
  static constexpr std::size_t default_capacity = std::size_t{16} * 1024;

  explicit writer(stream_ref s, std::size_t capacity = default_capacity) noexcept : buffer_(s, capacity) {}

  /// Buffers a copy of `data` or, if it does not fit after what is buffered already, writes both to the stream. `data`
  /// must stay unchanged until this has ended. Delivering; cancelled half way, it tears the stream, as write_all does.
  [[nodiscard]] auto write(std::span<const std::byte> data) noexcept {
    return detail::buffered_write(buffer_, data, false);
  }
  [[nodiscard]] auto write(std::string_view text) noexcept { return write(std::as_bytes(std::span(text))); }

  /// Writes what is buffered to the stream. Cancelled before the first byte, it may be repeated.
  [[nodiscard]] auto flush() noexcept { return detail::buffered_write(buffer_, {}, true); }

  /// Bytes that are buffered.
  [[nodiscard]] std::size_t buffered() const noexcept { return buffer_.size(); }

  [[nodiscard]] stream_ref stream() const noexcept { return buffer_.stream; }

 private:
  detail::write_buffer buffer_;
};

}  // namespace wring::net
