// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/websocket/close_code.hpp>
#include <wring/protocols/websocket/detail/socket_core.hpp>
#include <wring/protocols/websocket/message.hpp>
#include <wring/protocols/websocket/prepared.hpp>

namespace wring::ws {

class outgoing;

/// One side of a WebSocket (RFC 6455): what `accept` and `connect` return.
///
///     while (const auto m = co_await socket.receive()) co_await socket.send(m->text());
///
/// One task receives at a time, any number send: messages are not mixed up. Pings are answered and sent by the socket
/// itself, within `receive` and, on streams that tell what arrives, also while nobody receives, as long as no message
/// comes first. A server's socket that waits in `receive` when the program is asked to stop closes with 1001.
///
/// Destroying it without `close` tells the peer 1000 (1001 if the program is to stop, 1011 if an exception passes by),
/// if that takes no waiting. Movable while no task uses it; one thread.
class WRING_API socket {
 public:
  /// Of no connection: only to be assigned to.
  socket() noexcept = default;
  /// For the library.
  explicit socket(std::unique_ptr<detail::socket_core> core) noexcept : core_(std::move(core)) {}

  /// The next message; none once the connection was closed, by either side, see closed_by_peer(). *Returning*: a
  /// cancelled one has taken nothing. Throws io_error: with EPROTO and the rule as its detail if the peer breaks the
  /// protocol or exceeds a limit, which it has been told by then; errc::unexpected_eof, or the stream's fault, if the
  /// connection ends without a close; errc::timed_out if the peer has been silent for `options::silence`; errc::busy if
  /// another task receives.
  [[nodiscard]] task<std::optional<message>> receive() { return core_->receive(); }
  /// Some of a message, as it comes: for those that are long. The same otherwise.
  [[nodiscard]] task<std::optional<message_part>> receive_part() { return core_->receive_part(); }

  /// Sends a message; waits while the peer takes nothing. The bytes must stay until it has ended. *Delivering*;
  /// cancelled half way, it cuts the connection. Throws io_error, with errc::closed once a close was sent;
  /// std::invalid_argument for a text that is not UTF-8. Messages longer than 64 KiB are sent in fragments, so that
  /// control frames need not wait for them.
  [[nodiscard]] task<> send(std::string_view text) {
    return core_->send(message_kind::text, std::as_bytes(std::span(text)));
  }
  [[nodiscard]] task<> send(std::span<const std::byte> binary) { return core_->send(message_kind::binary, binary); }
  [[nodiscard]] task<> send(message_kind kind, std::span<const std::byte> bytes) { return core_->send(kind, bytes); }
  [[nodiscard]] task<> send(const prepared& p) { return core_->send(p); }

  /// Begins a message that is sent in fragments: waits for those that other tasks have begun. Their messages, and
  /// posts, wait until it is finished; control frames do not.
  [[nodiscard]] task<outgoing> begin(message_kind kind);

  /// Sends it without waiting, in the order of posts and sends. False: it was not taken, as the socket is closing, or
  /// `options::outbox` is full (see overflow). Throws std::bad_alloc; std::logic_error on a stream that needs a task
  /// for this (TLS), if `accept` was passed no nursery, and always on a client's.
  bool post(const prepared& p) { return core_->post(p); }
  /// Posts that did not fit.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return core_->dropped; }

  /// Sends a ping, at once or with what is written next, in place of one that has not been sent. Not needed to notice
  /// that a peer has gone, see `options::ping_after`. Throws std::invalid_argument for more than 125 bytes.
  void ping(std::string_view payload = {});

  /// Closes the connection in order: tells the peer, drops what still comes until it answers, and ends the connection;
  /// after `options::close_wait` it is cut. Does nothing if it is closed. Another task may be receiving: it is told
  /// none. Throws std::invalid_argument for a code that may not be sent, and a reason that is longer than 123 bytes or
  /// no UTF-8.
  [[nodiscard]] task<> close(std::uint16_t code = close_code::normal, std::string_view reason = {});
  /// What the peer's close has said; none if it has sent none.
  [[nodiscard]] const std::optional<close_reason>& closed_by_peer() const noexcept { return core_->closed_by_peer; }

  /// The sub-protocol that was agreed on; empty for none.
  [[nodiscard]] std::string_view protocol() const noexcept { return core_->protocol; }
  [[nodiscard]] const error_address& peer_address() const noexcept { return core_->peer; }
  /// Whether there is a connection, if only one that was closed.
  explicit operator bool() const noexcept { return core_ != nullptr; }

  /// For the library.
  [[nodiscard]] detail::socket_core& core() noexcept { return *core_; }
  [[nodiscard]] const detail::socket_core* try_core() const noexcept { return core_.get(); }

 private:
  std::unique_ptr<detail::socket_core> core_;
};

/// A message that is being sent in fragments. The socket must outlive it. Destroyed unfinished, it cuts the connection.
class WRING_API outgoing {
 public:
  /// For the library.
  outgoing(detail::socket_core& s, message_kind kind, mutex::guard turn) noexcept
      : core_(&s),
        next_(kind == message_kind::text ? detail::opcode::text : detail::opcode::binary),
        turn_(std::move(turn)) {}
  outgoing(outgoing&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)), next_(other.next_), turn_(std::move(other.turn_)) {}
  outgoing& operator=(outgoing&&) = delete;
  ~outgoing() {
    if (core_ != nullptr) core_->leave_unfinished();
  }

  /// A fragment. A text's may end inside of a character, and what they make together must be UTF-8. Throws as
  /// socket::send does.
  [[nodiscard]] task<> write_all(std::span<const std::byte> bytes);
  [[nodiscard]] task<> write_all(std::string_view text) { return write_all(std::as_bytes(std::span(text))); }
  /// Ends the message, with an empty fragment. Once.
  [[nodiscard]] task<> finish();

 private:
  detail::socket_core* core_;  // null: finished
  detail::opcode next_;
  mutex::guard turn_;
};

}  // namespace wring::ws
