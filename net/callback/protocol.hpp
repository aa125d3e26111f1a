// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/nursery.hpp>
#include <wring/net/callback/connection_error.hpp>
#include <wring/net/callback/transport.hpp>
#include <wring/net/descriptor.hpp>

namespace wring::net {

class half_closeable;
class descriptor_receiver;

/// One connection of callback code: Twisted's Protocol. Derive, and override what you need:
///
///     class echo : public wring::net::protocol {
///       void data_received(std::span<const std::byte> data) override { transport().write(data); }
///     };
///
/// The functions are called in this order: `connection_made`, `data_received` any number of times, `connection_lost`
/// once. They are called by the task that runs the connection (see `run_protocol`), and must not block. What one throws
/// is logged and loses the connection, with it as the reason. One thread.
class WRING_API protocol {
 public:
  protocol() noexcept = default;
  protocol(const protocol&) = delete;
  protocol& operator=(const protocol&) = delete;
  virtual ~protocol();

  /// The connection is there: `transport()` is set.
  virtual void connection_made() {}
  /// Bytes have arrived, at least one, in pieces of any size. They are valid during the call.
  virtual void data_received(std::span<const std::byte> data) { static_cast<void>(data); }
  /// The connection has ended; nothing more is called. `reason` is `connection_done`; `connection_lost_error`, of which
  /// `connection_aborted` and `write_buffer_overflow` are special cases; or what a callback or a task of the connection
  /// has thrown. What this throws is logged.
  virtual void connection_lost(const failure& reason) { static_cast<void>(reason); }

  /// What `transport::upgrade` has asked for is done: what is received and written from now on goes over another
  /// stream, of TLS for instance.
  virtual void handshake_completed() {}
  /// Whose functions are called when one direction has ended; null: the connection is lost then. This protocol, if it
  /// derives from `half_closeable`. For protocols that wrap another.
  [[nodiscard]] virtual half_closeable* half_closing() noexcept;
  /// Who is given the descriptors that the peer passes; null: they are closed. This protocol, if it derives from
  /// `descriptor_receiver`. For protocols that wrap another.
  [[nodiscard]] virtual descriptor_receiver* receiving_descriptors() noexcept;

  /// Throws std::logic_error before there is a connection; afterwards it is valid for ever.
  [[nodiscard]] net::transport& transport() const;
  /// That of the transport: for tasks that belong to this connection.
  [[nodiscard]] wring::nursery& nursery() const { return transport().nursery(); }
  /// Whether there is a connection, which is not lost.
  [[nodiscard]] bool connected() const noexcept { return transport_ != nullptr && !transport_->disconnected(); }

  /// Connects it, and calls connection_made(). For transports, and for protocols that wrap another. Throws
  /// std::logic_error if it has been connected before.
  void make_connection(std::shared_ptr<net::transport> t);

 protected:
  /// transport(), for what keeps it: a protocol that wraps another. Null before there is a connection.
  [[nodiscard]] const std::shared_ptr<net::transport>& shared_transport() const noexcept { return transport_; }

  [[nodiscard]] static std::string_view text_of(std::span<const std::byte> data) noexcept {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
  }

 private:
  std::shared_ptr<net::transport> transport_;
};

/// For protocols that go on when one direction has ended: derive from it besides `protocol`. Without it, the peer's end
/// of the stream loses the connection (`connection_done`), and what is unsent then is dropped.
class WRING_API half_closeable {
 public:
  virtual ~half_closeable();

  /// The peer sends nothing more. Writing continues.
  virtual void read_connection_lost() = 0;
  /// What lose_write_connection() has asked for is done. Reading continues.
  virtual void write_connection_lost() = 0;
};

/// For protocols over Unix sockets to which the peer passes descriptors: derive from it besides `protocol`. The stream
/// must have been made to receive them: `unix_listen_options::descriptors`, `client_options::descriptors`.
class WRING_API descriptor_receiver {
 public:
  virtual ~descriptor_receiver();

  /// A descriptor has come, close-on-exec. The next data_received() has the byte that it came with; a few bytes that
  /// the peer wrote just before may come first in that. What this throws loses the connection.
  virtual void descriptor_received(descriptor fd) = 0;
};

}  // namespace wring::net
