// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
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
#include <wring/net/udp_options.hpp>

namespace wring::net {

/// Sends and receives UDP datagrams: made by `bind_udp` or `connect_udp`. Movable; closed when it is destroyed. Any
/// number of tasks may send and receive at a time; their calls must end before it is destroyed (the process ends
/// otherwise), but it may be moved meanwhile. Belongs to the scheduler it was made on: it must be destroyed on that
/// thread, before the scheduler.
///
/// A connected socket sends to its peer alone and receives from it alone, and is told when the peer's host refuses: the
/// next receive or send fails, once, with std::errc::connection_refused and the peer's address. One that is not
/// connected is not told.
///
/// Every operation that waits has `.result()`, which returns its fault as a value instead of throwing io_error.
class WRING_API udp_socket {
 public:
  /// None: every operation fails with errc::closed.
  udp_socket() noexcept = default;
  udp_socket(udp_socket&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}
  udp_socket& operator=(udp_socket&& other) noexcept {
    std::swap(socket_, other.socket_);
    return *this;
  }
  ~udp_socket() {
    if (socket_ != nullptr) socket_->abandon();
  }

  /// Takes over a UDP socket (from a supervisor, say). Of the options, `largest` and `receive_queue` count, and `join`
  /// and `packet_info` if they are set. Throws io_error, or std::invalid_argument for options out of bounds; then the
  /// descriptor still belongs to the caller.
  [[nodiscard]] static udp_socket adopt(int fd, const udp_options& options = {});

  /// Returns the next datagram. Several tasks may wait; they are served in order. Returning: a cancelled receive has
  /// taken nothing. Throws io_error with errc::closed once the socket is closed.
  [[nodiscard]] auto receive() { return detail::datagram_receive_wait(socket()); }

  /// What has been received already, without waiting; none while tasks wait. Datagrams that only the kernel has so far
  /// do not count: they are received while a task waits and, up to `udp_options::receive_queue`, after that.
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
    friend class udp_socket;
    explicit sequence(detail::datagram_socket& s) noexcept : socket_(&s) {}
    detail::datagram_socket* socket_;
  };
  /// Must not outlive the socket.
  [[nodiscard]] sequence messages() { return sequence(socket()); }

  /// Sends one datagram, empty if `bytes` is. It waits only while the kernel's buffer is full; that it was sent does
  /// not say that it arrives. Delivering: it may have been sent although it was cancelled meanwhile. The bytes must
  /// stay unchanged until this has ended. Throws io_error that names the address.
  [[nodiscard]] auto send_to(const socket_address& peer, std::span<const std::byte> bytes,
                             const datagram_send_options& options = {}) {
    return detail::datagram_send_wait(socket(), peer, bytes, options);
  }
  [[nodiscard]] auto send_to(const socket_address& peer, std::string_view text,
                             const datagram_send_options& options = {}) {
    return send_to(peer, std::as_bytes(std::span(text)), options);
  }
  /// The same of several spans, at most 16, as if they were one; spans and span of spans must stay until this has
  /// ended.
  [[nodiscard]] auto send_to(const socket_address& peer, std::span<const std::span<const std::byte>> parts,
                             const datagram_send_options& options = {}) {
    return detail::datagram_send_wait(socket(), peer, parts, options);
  }

  /// The same to the peer that the socket is connected to.
  [[nodiscard]] auto send(std::span<const std::byte> bytes, const datagram_send_options& options = {}) {
    return detail::datagram_send_wait(socket(), socket_address(), bytes, options);
  }
  [[nodiscard]] auto send(std::string_view text, const datagram_send_options& options = {}) {
    return send(std::as_bytes(std::span(text)), options);
  }
  [[nodiscard]] auto send(std::span<const std::span<const std::byte>> parts,
                          const datagram_send_options& options = {}) {
    return detail::datagram_send_wait(socket(), socket_address(), parts, options);
  }

  /// Sends without waiting, by one system call, and outside of tasks too. False: there is no room. Throws as send_to.
  bool try_send_to(const socket_address& peer, std::span<const std::byte> bytes,
                   const datagram_send_options& options = {}) {
    return try_send(&peer, bytes, options);
  }
  bool try_send(std::span<const std::byte> bytes, const datagram_send_options& options = {}) {
    return try_send(nullptr, bytes, options);
  }

  /// Connects to `peer`, or to another one than before. Datagrams that were received before stay.
  [[nodiscard]] task<> connect(socket_address peer);

  // Multicast. What leaves the interface open (0) leaves the choice to the kernel's routes. All of these throw io_error
  // that names the group; errc::closed once closed.

  /// Receives what is sent to the multicast address `group` and to this socket's port, on the interface of that number
  /// (see if_nametoindex(3); an address with a scope brings its own). The socket is to be bound to all addresses or to
  /// the group's. Several sockets of a host receive the same group with `udp_options::reuse_address`. From then on the
  /// socket receives from the groups that it has joined itself, and not from those that others on the host have.
  void join_group(const ip_address& group, unsigned interface_index = 0);
  void leave_group(const ip_address& group, unsigned interface_index = 0);
  /// The same, but only what `source` sends (source-specific multicast). Several sources may be joined.
  void join_group(const ip_address& group, const ip_address& source, unsigned interface_index = 0);
  void leave_group(const ip_address& group, const ip_address& source, unsigned interface_index = 0);
  /// By which interface multicast datagrams are sent.
  void set_multicast_interface(unsigned interface_index);
  /// How many routers may forward them: 0 (they stay on this host) to 255. The kernel's default is 1: they stay on the
  /// local network.
  void set_multicast_hops(unsigned hops);
  /// Whether sockets of this host receive them too; the kernel's default is that they do.
  void set_multicast_loop(bool on);

  /// Closes, and returns when that is done: operations that wait on the socket fail with errc::closed. Not cancellable.
  [[nodiscard]] auto close() { return detail::datagram_close_wait(socket_); }

  [[nodiscard]] bool is_open() const noexcept { return socket_ != nullptr && !socket_->closing(); }
  /// The address it receives on, with the port that was chosen; known as long as the object exists.
  [[nodiscard]] socket_address local_address() const noexcept;
  /// The peer it is connected to; empty if it is not.
  [[nodiscard]] socket_address peer_address() const noexcept;
  /// The descriptor, for options that have no function here. Borrowed; negative once closed.
  [[nodiscard]] int native_handle() const noexcept { return socket_ != nullptr ? socket_->native() : -1; }

 private:
  friend WRING_API task<udp_socket> bind_udp(udp_options);

  explicit udp_socket(detail::datagram_socket* s) noexcept : socket_(s) {}
  detail::datagram_socket& socket() {
    if (socket_ == nullptr) [[unlikely]]
      throw_closed();
    return *socket_;
  }
  [[noreturn]] static void throw_closed();
  void set_membership(int option, const char* operation, const ip_address& group, const ip_address* source,
                      unsigned interface_index);
  void set_multicast(int v4_option, int v6_option, int value, const char* operation);
  bool try_send(const socket_address* peer, std::span<const std::byte> bytes, const datagram_send_options& options);

  detail::datagram_socket* socket_ = nullptr;
};

/// A socket that receives on the address of the options, and is not connected. Throws io_error that names the address:
/// in use, not an address of this host, a privileged port; std::invalid_argument for options out of bounds.
[[nodiscard]] WRING_API task<udp_socket> bind_udp(udp_options options = {});

/// A socket that is connected to `peer`. It is bound to the address of the options if they name one, of the peer's
/// family; otherwise the kernel chooses. Throws as bind_udp does, and where no route leads to the peer.
[[nodiscard]] WRING_API task<udp_socket> connect_udp(socket_address peer, udp_options options = {});

}  // namespace wring::net
