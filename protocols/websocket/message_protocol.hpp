// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/websocket/close_code.hpp>
#include <wring/protocols/websocket/socket.hpp>

namespace wring::ws {

/// One WebSocket of callback code: Twisted's WebSocketProtocol and its transport. Derive, and override what you need:
///
///     class echo : public ws::message_protocol {
///       void text_message_received(std::string_view text) override { send_text_message(text); }
///     };
///     r.get("/echo", ws::handler([](ws::socket& s) -> task<> {
///       echo e;
///       co_await ws::run_protocol(s, e);
///     }));
///
/// The functions are called in this order: `negotiation_finished`, messages and pongs, `connection_lost` once. They
/// must not block. What one throws closes the connection with 1011, and is the reason. One thread.
class WRING_API message_protocol : detail::pong_observer {
 public:
  message_protocol() noexcept = default;
  message_protocol(const message_protocol&) = delete;
  message_protocol& operator=(const message_protocol&) = delete;
  virtual ~message_protocol();

  /// The handshake has been completed, and the functions below can be used.
  virtual void negotiation_finished() {}
  /// Messages. Their bytes are valid during the call.
  virtual void text_message_received(std::string_view text) { static_cast<void>(text); }
  virtual void bytes_message_received(std::span<const std::byte> bytes) { static_cast<void>(bytes); }
  /// A pong, also while a message is being looked at. It must not throw.
  void pong_received(std::span<const std::byte> payload) noexcept override { static_cast<void>(payload); }
  /// The connection has ended; nothing more is called. `reason` is `net::connection_done` if it was closed in order,
  /// what `socket::receive` throws, or what a callback has thrown. What this throws is logged.
  virtual void connection_lost(const failure& reason) { static_cast<void>(reason); }

  /// Posts a message, see socket::post: it is not waited for, and more than `options::outbox` closes the connection or
  /// is dropped. Does nothing without a connection. Throws as `prepared` and socket::post do.
  void send_text_message(std::string_view text);
  void send_bytes_message(std::span<const std::byte> bytes);
  /// See socket::ping.
  void ping(std::string_view payload = {});
  /// Closes the connection in order; connection_lost follows once the peer has answered. Throws std::invalid_argument
  /// for a code that may not be sent.
  void lose_connection(std::uint16_t code = close_code::normal);

 private:
  friend task<> run_protocol(socket& s, message_protocol& p);

  socket* socket_ = nullptr;  // null: none yet, or no longer
};

/// Runs the protocol on a socket until that is closed. Both must outlive it. Cancelled, it does not call
/// connection_lost. Throws what a callback has thrown.
[[nodiscard]] WRING_API task<> run_protocol(socket& s, message_protocol& p);

}  // namespace wring::ws
