// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include <wring/core/task.hpp>
#include <wring/net/detail/accept_socket.hpp>
#include <wring/net/detail/listener_close_wait.hpp>
#include <wring/net/detail/socket_accept_wait.hpp>
#include <wring/net/tcp_stream.hpp>

namespace wring::net {

/// Where and how to listen.
struct tcp_listen_options {
  /// The address to listen on: by default all addresses of the host, both IPv4 and IPv6 (`dual_stack`).
  ip_address address = ip_address::any_v6;
  std::uint16_t port = 0;         ///< 0: any free one, see local_address()
  int backlog = 4096;             ///< connections the kernel keeps (at most net.core.somaxconn)
  bool dual_stack = true;         ///< :: takes IPv4 connections too; without IPv6 on the host it becomes 0.0.0.0
  bool reuse_port = false;        ///< SO_REUSEPORT: several listeners share the port, the kernel spreads connections
  std::size_t accept_queue = 16;  ///< connections taken from the kernel that may wait for an accept(), at least one
};
static_assert(std::is_trivially_destructible_v<tcp_listen_options>);

/// Accepts TCP connections. Movable; stops listening when it is destroyed. Belongs to the scheduler it was made on.
///
/// Connections are taken from the kernel ahead of accept(), as many as `accept_queue` (and what one pass of the kernel
/// had completed by then). When the process runs out of descriptors, the kernel's backlog keeps the connections and
/// taking them is retried after 10 ms to 1 s; that is logged, and again only if it recurs after a minute without.
class WRING_API tcp_listener {
 public:
  /// See `plain_listener`.
  static constexpr bool is_plain = true;

  tcp_listener() noexcept = default;
  tcp_listener(tcp_listener&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}
  tcp_listener& operator=(tcp_listener&& other) noexcept {
    std::swap(socket_, other.socket_);
    return *this;
  }
  /// No task may wait for a connection (the process ends otherwise).
  ~tcp_listener() {
    if (socket_ != nullptr) socket_->abandon();
  }

  /// Takes over a listening TCP socket (from a supervisor, say). Throws io_error, or std::invalid_argument for a queue
  /// of zero; then it still belongs to the caller.
  [[nodiscard]] static tcp_listener adopt(int fd, std::size_t accept_queue = 16);

  /// Returns the next connection, which is already established (see `pending_connection`). Several tasks may wait; they
  /// are served in order. Returning: a cancelled accept has taken no connection. Throws io_error with errc::closed once
  /// the listener is closed.
  [[nodiscard]] auto accept() { return detail::socket_accept_wait(socket()); }

  /// The connections as a sequence that ends when the listener is closed:
  ///
  ///     auto connections = listener.connections();
  ///     while (auto c = co_await connections.next()) ...
  class sequence {
   public:
    /// Returns the next connection, or none once the listener is closed. Otherwise as accept().
    [[nodiscard]] auto next() { return detail::socket_next_wait(*socket_); }

   private:
    friend class tcp_listener;
    explicit sequence(detail::accept_socket& s) noexcept : socket_(&s) {}
    detail::accept_socket* socket_;
  };
  /// Must not outlive the listener.
  [[nodiscard]] sequence connections() { return sequence(socket()); }

  /// Stops listening, closes connections that have not been accepted, and returns when the port is free. Tasks that
  /// wait for a connection fail with errc::closed. Not cancellable.
  [[nodiscard]] auto close() { return detail::listener_close_wait(socket_); }

  /// Stops listening as close() does, but first takes the connections in the kernel's backlog, whose peers consider
  /// themselves connected: these and the queued ones can still be accepted, and after them accept() fails with
  /// errc::closed. It takes at most as many as the backlog has room for; where there are no descriptors for them, the
  /// rest is lost with a warning in the log. Not cancellable.
  [[nodiscard]] auto drain() { return detail::listener_close_wait(socket_, true); }

  [[nodiscard]] bool is_open() const noexcept { return socket_ != nullptr && !socket_->closing(); }
  /// The address it listens on, with the port that was chosen; known as long as the object exists.
  [[nodiscard]] socket_address local_address() const noexcept;
  /// Borrowed. Connections inherit most options that are set on it; a positive SO_LINGER is removed again.
  [[nodiscard]] int native_handle() const noexcept {
    if (socket_ == nullptr) return -1;
    socket_->share_descriptor();
    return socket_->native();
  }

 private:
  friend WRING_API task<tcp_listener> listen_tcp(tcp_listen_options);
  explicit tcp_listener(detail::accept_socket* s) noexcept : socket_(s) {}
  detail::accept_socket& socket();

  detail::accept_socket* socket_ = nullptr;
};

/// Listens for TCP connections. Accepted ones have Nagle's algorithm off. Throws io_error that names the address: in
/// use, not an address of this host, a privileged port; std::invalid_argument for an accept_queue of 0.
[[nodiscard]] WRING_API task<tcp_listener> listen_tcp(tcp_listen_options options = {});

}  // namespace wring::net
