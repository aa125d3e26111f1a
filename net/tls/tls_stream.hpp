// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/stream_security.hpp>
#include <wring/net/tls/certificate.hpp>
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

  /// See `stream`. What has been received is decrypted for them; `received_ahead` counts up to 64 KiB of that.
  [[nodiscard]] buffer_lease try_read_some() noexcept;
  [[nodiscard]] std::size_t received_ahead() const noexcept;

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

  /// Ends TLS, and gives back the stream below for what follows without it (the opposite of STARTTLS): sends
  /// close_notify and reads up to the peer's. All that the peer has sent before must have been read: otherwise it fails
  /// with errc::tls_failed, and the bytes can still be read. It may take as long as the peer does. Closed then;
  /// cancelled or failed, it can only be closed.
  struct unwrapped {
    any_stream stream;      ///< the stream below; empty if a reference to it had been passed
    buffer_lease received;  ///< what has come behind the peer's close_notify, without protection
  };
  [[nodiscard]] task<unwrapped> unwrap();

  /// See `stream`. Always 0 over a stream that is none of the library's own.
  [[nodiscard]] std::size_t try_write(std::span<const std::span<const std::byte>> parts) noexcept;

  /// See `stream`. False over a stream that cannot be watched. Up to 64 KiB are decrypted without a reader. An end
  /// behind more than that is reported as the stream below does: whether it was a truncation, a read tells.
  bool watch(stream_observer* observer) noexcept;

  /// What was agreed on in the handshake, and who the peer is. Valid as long as the stream.
  [[nodiscard]] const stream_security* security() const noexcept;
  [[nodiscard]] error_address peer_address() const noexcept;
  /// The certificates that the peer has shown, its own first, and each followed by that of its issuer; none if it has
  /// shown none, its own alone where a session was resumed. Made anew by each call: throws std::bad_alloc.
  [[nodiscard]] std::vector<tls::peer_certificate> peer_chain() const;

  /// For the library.
  explicit tls_stream(std::unique_ptr<tls::detail::tls_link> established) noexcept;

 private:
  [[nodiscard]] tls::detail::tls_link& link();

  std::unique_ptr<tls::detail::tls_link> link_;
};

}  // namespace wring::net
