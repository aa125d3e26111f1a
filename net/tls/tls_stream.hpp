// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/stream_security.hpp>
#include <wring/net/tls/detail/tls_operations.hpp>

namespace wring::net {

/// TLS over another stream: a `stream`, made by `tls::connect`, `tls::accept`, `connect_tls` and a `tls_listener`,
/// whose handshake is over.
///
/// - A read that finds that the connection has ended without the peer's closing message (close_notify) fails with
///   errc::tls_truncated: what has come may be a part. Faults of the stream below are passed on, errc::tls_failed is
///   everything else that is wrong with what the peer sends.
/// - A write counts as begun once it has been encrypted: cancelled while it waits for the stream below, it tears the
///   write side, even if nothing was written there.
/// - `close` sends close_notify and closes the stream below, which is aborted if that has not gone out within 2 s. It
///   does not wait for the peer's.
/// - Destroyed, it sends close_notify if that can be done without waiting: so a handler that returns has ended its
///   stream properly. If it is destroyed because an exception leaves a task, or it is cancelled, nothing is sent, and
///   the peer sees a truncated stream.
///
/// Movable, also while it is in use. One task may read and any number may write at a time; their calls must end before
/// it is destroyed (the process ends otherwise). It belongs to the scheduler it was made on. The operations have
/// `.result()`, which returns their faults as values. An idle one holds no buffers, neither its own nor OpenSSL's.
class WRING_API tls_stream {
 public:
  /// No connection: every operation fails with errc::closed.
  tls_stream() noexcept;
  tls_stream(tls_stream&& other) noexcept;
  tls_stream& operator=(tls_stream&& other) noexcept;
  ~tls_stream();

  /// See `stream`. A lease holds one record at most: 16 KiB.
  [[nodiscard]] auto read_some() { return tls::detail::tls_read<buffer_lease>(link()); }
  [[nodiscard]] auto read(std::span<std::byte> into) { return tls::detail::tls_read<std::size_t>(link(), into); }

  /// See `stream`. Up to 64 KiB at a time are encrypted and written to the stream below in one write.
  [[nodiscard]] auto write_all(std::span<const std::byte> data) { return tls::detail::tls_write(link(), data); }
  [[nodiscard]] auto write_all(std::string_view text) { return write_all(std::as_bytes(std::span(text))); }
  [[nodiscard]] auto write_all(const buffer_lease& chunk) { return write_all(std::span<const std::byte>(chunk)); }
  [[nodiscard]] auto write_all(std::span<const std::span<const std::byte>> parts) {
    return tls::detail::tls_write(link(), parts);
  }

  /// See `stream`: sends close_notify, and shuts down the stream below.
  [[nodiscard]] task<> shut_down_write() { return link().shut_down_write(); }
  [[nodiscard]] task<> close();
  void abort() noexcept;

  /// See `stream`. Always 0 over a stream that is none of the library's own.
  [[nodiscard]] std::size_t try_write(std::span<const std::span<const std::byte>> parts) noexcept;

  /// What was agreed on in the handshake, and who the peer is. Valid as long as the stream.
  [[nodiscard]] const stream_security* security() const noexcept;
  [[nodiscard]] error_address peer_address() const noexcept;

  /// For the library.
  explicit tls_stream(std::unique_ptr<tls::detail::tls_link> established) noexcept;

 private:
  [[nodiscard]] tls::detail::tls_link& link();

  std::unique_ptr<tls::detail::tls_link> link_;
};

}  // namespace wring::net
