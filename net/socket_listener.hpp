// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <wring/net/detail/accept_socket.hpp>
#include <wring/net/detail/listener_close_wait.hpp>
#include <wring/net/detail/socket_accept_wait.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net {

namespace detail {
struct listener_access;
}

/// What the listeners on sockets have in common, all of `tcp_listener` and `unix_listener` but how they are made.
/// Movable; stops listening when it is destroyed. Belongs to the scheduler it was made on.
///
/// Connections are taken from the kernel ahead of accept(), as many as `accept_queue` (and what one pass of the kernel
/// had completed by then). When the process runs out of descriptors, the kernel's backlog keeps the connections and
/// taking them is retried after 10 ms to 1 s; that is logged, and again only if it recurs after a minute without.
template <class Stream>
class socket_listener {
 public:
  /// See `plain_listener`.
  static constexpr bool is_plain = true;

  /// Returns the next connection, which is already established (see `pending_connection`). Several tasks may wait; they
  /// are served in order. Returning: a cancelled accept has taken no connection. Throws io_error with errc::closed once
  /// the listener is closed.
  [[nodiscard]] auto accept() { return detail::socket_accept_wait<Stream>(socket()); }

  /// The connections as a sequence that ends when the listener is closed:
  ///
  ///     auto connections = listener.connections();
  ///     while (auto c = co_await connections.next()) ...
  class sequence {
   public:
    /// Returns the next connection, or none once the listener is closed. Otherwise as accept().
    [[nodiscard]] auto next() { return detail::socket_next_wait<Stream>(*socket_); }

   private:
    friend class socket_listener;
    explicit sequence(detail::accept_socket& s) noexcept : socket_(&s) {}
    detail::accept_socket* socket_;
  };
  /// Must not outlive the listener.
  [[nodiscard]] sequence connections() { return sequence(socket()); }

  /// Stops listening, closes connections that have not been accepted, and returns when the address is free. Tasks that
  /// wait for a connection fail with errc::closed. Not cancellable.
  [[nodiscard]] auto close() { return detail::listener_close_wait(socket_); }

  /// Stops listening as close() does, but first takes the connections in the kernel's backlog, whose peers consider
  /// themselves connected: these and the queued ones can still be accepted, and after them accept() fails with
  /// errc::closed. It takes at most as many as the backlog has room for; where there are no descriptors for them, the
  /// rest is lost with a warning in the log. Not cancellable.
  [[nodiscard]] auto drain() { return detail::listener_close_wait(socket_, true); }

  [[nodiscard]] bool is_open() const noexcept { return socket_ != nullptr && !socket_->closing(); }
  /// The address it listens on, with the port that was chosen; known as long as the object exists.
  [[nodiscard]] socket_address local_address() const noexcept {
    return socket_ != nullptr ? socket_->local() : socket_address();
  }
  /// Borrowed. Connections inherit most options that are set on it; a positive SO_LINGER is removed again.
  [[nodiscard]] int native_handle() const noexcept {
    if (socket_ == nullptr) return -1;
    socket_->share_descriptor();
    return socket_->native();
  }

 protected:
  /// Listens nowhere: every operation fails with errc::closed.
  socket_listener() noexcept = default;
  explicit socket_listener(detail::accept_socket* s) noexcept : socket_(s) {}
  socket_listener(socket_listener&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}
  socket_listener& operator=(socket_listener&& other) noexcept {
    std::swap(socket_, other.socket_);
    return *this;
  }
  /// No task may wait for a connection (the process ends otherwise).
  ~socket_listener() {
    if (socket_ != nullptr) socket_->abandon();
  }

  detail::accept_socket& socket() {
    if (socket_ == nullptr) [[unlikely]]
      detail::throw_not_listening();
    return *socket_;
  }

 private:
  friend struct detail::listener_access;

  detail::accept_socket* socket_ = nullptr;
};

namespace detail {

/// For the library.
struct listener_access {
  template <class Stream>
  [[nodiscard]] static accept_socket* socket_of(const socket_listener<Stream>& l) noexcept {
    return l.socket_;
  }
};

}  // namespace detail

}  // namespace wring::net
