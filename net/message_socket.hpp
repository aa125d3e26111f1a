// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <wring/core/task.hpp>
#include <wring/net/datagram.hpp>
#include <wring/net/detail/datagram_close_wait.hpp>
#include <wring/net/detail/datagram_receive_wait.hpp>
#include <wring/net/detail/datagram_send_wait.hpp>
#include <wring/net/detail/datagram_socket.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net {

/// What the sockets for datagrams have in common, all of `udp_socket` and `unix_datagram` but how they are made and
/// what only one of them can do. Movable; closed when it is destroyed. Any number of tasks may send and receive at a
/// time; their calls must end before it is destroyed (the process ends otherwise), but it may be moved meanwhile.
/// Belongs to the scheduler it was made on: it must be destroyed on that thread, before the scheduler.
///
/// Every operation that waits has `.result()`, which returns its fault as a value instead of throwing io_error.
class WRING_API message_socket {
 public:
  /// Returns the next datagram. Several tasks may wait; they are served in order. Returning: a cancelled receive has
  /// taken nothing. Throws io_error with errc::closed once the socket is closed.
  [[nodiscard]] auto receive() { return detail::datagram_receive_wait(socket()); }

  /// What has been received already, without waiting; none while tasks wait. Datagrams that only the kernel has so far
  /// do not count: they are received while a task waits and, up to the `receive_queue` of its options, after that.
  [[nodiscard]] std::optional<datagram> try_receive() noexcept {
    return socket_ != nullptr ? detail::datagram_try_receive::from(*socket_) : std::nullopt;
  }

  /// The datagrams as a sequence that ends when the socket is closed:
  ///
  ///     auto messages = socket.messages();
  ///     while (auto message = co_await messages.next()) ...
  class sequence {
   public:
    /// Returns the next datagram, or none once the socket is closed. Otherwise as receive().
    [[nodiscard]] auto next() { return detail::datagram_sequence_wait(*socket_); }

   private:
    friend class message_socket;
    explicit sequence(detail::datagram_socket& s) noexcept : socket_(&s) {}
    detail::datagram_socket* socket_;
  };
  /// Must not outlive the socket.
  [[nodiscard]] sequence messages() { return sequence(socket()); }

  /// Sends one datagram, empty if `bytes` is. It waits only while there is no room for it: in the kernel's buffer, or,
  /// between Unix sockets, in the receiver's. That it was sent does not say that it arrives. Delivering: it may have
  /// been sent although it was cancelled meanwhile. The bytes must stay unchanged until this has ended. Throws io_error
  /// that names the address.
  [[nodiscard]] auto send_to(const socket_address& peer, std::span<const std::byte> bytes) {
    return detail::datagram_send_wait(socket(), peer, bytes);
  }
  [[nodiscard]] auto send_to(const socket_address& peer, std::string_view text) {
    return send_to(peer, std::as_bytes(std::span(text)));
  }
  /// The same of several spans, at most 16, as if they were one; spans and span of spans must stay until this has
  /// ended.
  [[nodiscard]] auto send_to(const socket_address& peer, std::span<const std::span<const std::byte>> parts) {
    return detail::datagram_send_wait(socket(), peer, parts);
  }

  /// The same to the peer that the socket is connected to.
  [[nodiscard]] auto send(std::span<const std::byte> bytes) {
    return detail::datagram_send_wait(socket(), socket_address(), bytes);
  }
  [[nodiscard]] auto send(std::string_view text) { return send(std::as_bytes(std::span(text))); }
  [[nodiscard]] auto send(std::span<const std::span<const std::byte>> parts) {
    return detail::datagram_send_wait(socket(), socket_address(), parts);
  }

  /// Sends without waiting, by one system call, and outside of tasks too. False: there is no room. Throws as send_to.
  bool try_send_to(const socket_address& peer, std::span<const std::byte> bytes) { return send_at_once(&peer, bytes); }
  bool try_send(std::span<const std::byte> bytes) { return send_at_once(nullptr, bytes); }

  /// Connects to `peer`, or to another one than before. Datagrams that were received before stay.
  [[nodiscard]] task<> connect(socket_address peer);

  /// Closes, and returns when that is done: operations that wait on the socket fail with errc::closed. Not cancellable.
  [[nodiscard]] auto close() { return detail::datagram_close_wait(socket_); }

  [[nodiscard]] bool is_open() const noexcept { return socket_ != nullptr && !socket_->closing(); }
  /// The address it receives on, with the port or the name that was chosen; known as long as the object exists.
  [[nodiscard]] socket_address local_address() const noexcept;
  /// The peer it is connected to; empty if it is not.
  [[nodiscard]] socket_address peer_address() const noexcept;
  /// The descriptor, for options that have no function here. Borrowed; negative once closed.
  [[nodiscard]] int native_handle() const noexcept { return socket_ != nullptr ? socket_->native() : -1; }

 protected:
  /// None: every operation fails with errc::closed.
  message_socket() noexcept = default;
  explicit message_socket(detail::datagram_socket* s) noexcept : socket_(s) {}
  message_socket(message_socket&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}
  message_socket& operator=(message_socket&& other) noexcept {
    std::swap(socket_, other.socket_);
    return *this;
  }
  ~message_socket() {
    if (socket_ != nullptr) socket_->abandon();
  }

  detail::datagram_socket& socket() {
    if (socket_ == nullptr) [[unlikely]]
      throw_closed();
    return *socket_;
  }
  bool send_at_once(const socket_address* peer, std::span<const std::byte> bytes,
                    const detail::datagram_extras& extras = {});

  /// Makes a socket for datagrams that others have made blocking, and returns its address. Throws io_error for one of
  /// another type, and if the address is not what `is_right` says.
  [[nodiscard]] static socket_address check_adopted(int fd, bool (socket_address::*is_right)() const noexcept);
  /// Takes it over, unless it throws.
  [[nodiscard]] static detail::datagram_socket* own_adopted(int fd, std::size_t largest, std::size_t queue);

 private:
  [[noreturn]] static void throw_closed();

  detail::datagram_socket* socket_ = nullptr;
};

}  // namespace wring::net
