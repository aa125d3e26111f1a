// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <span>
#include <string_view>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/net/callback/producer.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/stream_security.hpp>

namespace wring {
class nursery;
}

namespace wring::net {

/// Limits of a transport.
struct transport_options {
  /// Bytes that may be written and not sent. Beyond it the connection is aborted, with `write_buffer_overflow` as the
  /// reason and a warning in the log. `unlimited`: none.
  std::size_t write_limit = std::size_t{16} * 1024 * 1024;
};
static_assert(std::is_trivially_destructible_v<transport_options>);

/// The connection as its protocol sees it: Twisted's ITransport. No function waits. It is a consumer of bytes to send,
/// and itself a push producer of those that arrive: `pause_producing` holds back the peer.
///
/// A transport may outlive its connection: it is kept by its protocol. What is written then is dropped without a word.
/// One thread.
class WRING_API transport : public consumer, public producer {
 public:
  /// Beyond so many unsent bytes a push producer is paused. It is resumed when all of them have been sent.
  static constexpr std::size_t pause_above = std::size_t{64} * 1024;
  /// So many descriptors may have been given to send_descriptor() and not be sent.
  static constexpr std::size_t most_descriptors = 64;

  ~transport() override;

  /// Sends a copy of `data`, after everything that was written before. Dropped once the connection is lost, and after
  /// lose_write_connection() has taken effect; after lose_connection() it is still sent.
  void write(std::span<const std::byte> data) override = 0;
  using consumer::write;
  /// The same for several pieces, as if they were one.
  virtual void write_sequence(std::span<const std::span<const std::byte>> parts);
  void write_sequence(std::initializer_list<std::string_view> parts);

  /// Passes a descriptor to the peer of a Unix socket, which gets the same open file with the first byte that is
  /// written after this: its `descriptor_receiver` is told, in the order of the bytes. Those that are given between two
  /// writes go together. It is closed here when it has been sent, and when the connection is lost; so is one that no
  /// byte has followed. Dropped where a write would be.
  ///
  /// Throws std::logic_error for other transports, and while being upgraded; std::invalid_argument if it is none;
  /// io_error with errc::limit_exceeded while `most_descriptors` wait. Then it is closed.
  virtual void send_descriptor(descriptor fd);

  /// Reads no more, sends what was written, and then closes: connection_lost with `connection_done`. While a producer
  /// is registered that is not begun, since more is to come: it must be unregistered.
  virtual void lose_connection() = 0;
  /// Ends the connection at once: what is unsent is dropped, and the peer sees a reset. connection_lost follows, with
  /// `connection_aborted`, after the current callback; data_received is not called any more.
  virtual void abort_connection() = 0;
  /// Sends what was written, and then the end of the stream; what arrives is still received. Waits for a producer as
  /// lose_connection() does.
  virtual void lose_write_connection() = 0;

  /// Stops and restarts reading: while it is stopped, the peer is held back, and its disconnecting is not noticed.
  void pause_producing() override = 0;
  void resume_producing() override = 0;
  /// As lose_connection().
  void stop_producing() override { lose_connection(); }

  /// The peer's address and that of this side; empty if there is none.
  [[nodiscard]] virtual socket_address get_peer() const = 0;
  [[nodiscard]] virtual socket_address get_host() const = 0;

  /// Whether lose_connection() was called, and the connection is not lost yet.
  [[nodiscard]] virtual bool disconnecting() const noexcept = 0;
  /// Whether the connection is lost, or about to be.
  [[nodiscard]] virtual bool disconnected() const noexcept = 0;
  /// Bytes that were written and not sent.
  [[nodiscard]] virtual std::size_t unsent() const noexcept = 0;

  /// See `transport_options::write_limit`.
  virtual void set_write_limit(std::size_t bytes) = 0;

  /// Makes the stream that the connection goes on with, over the one it has; what was received of that, and not yet
  /// read, is `lower`'s.
  using upgrade_function = std::function<task<any_stream>(stream_ref lower)>;
  /// Changes the stream below, as `tls::start_tls` of wring-tls does: what was written before is sent, then `how` is
  /// awaited, and what is written from now on waits for it. `protocol::handshake_completed` tells that it is done; what
  /// `how` throws is the reason for which the connection is lost. Nothing that was received in the same piece as the
  /// command to begin may be taken for secured: `upgrading()` tells, and the receivers of the framings refuse it.
  ///
  /// Throws std::logic_error if it is closing, in one direction or both, or being upgraded already, or has descriptors,
  /// or bytes that follow them, that are not sent, and for transports that cannot do it.
  virtual void upgrade(upgrade_function how);
  /// Whether that has been asked for and is not done.
  [[nodiscard]] virtual bool upgrading() const noexcept { return false; }
  /// What is known of the peer and the protocol where the connection is secured; null if it is not.
  [[nodiscard]] virtual const stream_security* security() const noexcept { return nullptr; }

  /// For tasks that belong to the connection: cancelled when it is lost. A task in it that throws loses the connection,
  /// with its exception as the reason; `start_deferred(nursery(), ...)` keeps the failure in the deferred. Throws
  /// std::logic_error when the connection is lost.
  [[nodiscard]] virtual wring::nursery& nursery() = 0;
};

}  // namespace wring::net
