// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <utility>

#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/net/detail/released_state.hpp>
#include <wring/net/detail/send_side.hpp>

namespace wring::net::detail {

/// Is notified when a socket is closed.
class socket_close_listener : public wring::detail::wait_link {
 protected:
  ~socket_close_listener() = default;

 private:
  friend class stream_socket;
  virtual void closed() noexcept = 0;
};

/// What of a connected stream socket must stay where it is while operations are in flight: its two sides, and its end.
/// Its handle (a socket_stream) moves; this does not. Belongs to one scheduler.
class WRING_API stream_socket final : public send_side {
 public:
  stream_socket(descriptor owned, compact_address&& peer) : send_side(std::move(owned), std::move(peer)) {}
  static void* operator new(std::size_t size);
  static void operator delete(void* block, std::size_t size) noexcept;

  /// The end of the handle: cancels what is in flight and closes, and frees this block once that is done. Ends the
  /// process if a task is suspended on the socket.
  void abandon() noexcept;

  /// Cancels what is in flight and wakes readers and writers with errc::closed. Once nothing is in flight any more, the
  /// descriptor is closed, or, to `keep` it, left to take_descriptor(), and `listener`, if given, is told (maybe within
  /// this call).
  void close(bool keep, socket_close_listener* listener) noexcept;
  [[nodiscard]] descriptor take_descriptor() noexcept { return std::move(fd_); }
  /// What belongs to the descriptor that is kept, besides the bytes.
  [[nodiscard]] released_state take_rest() noexcept;
  /// That and the bytes, of the connection that has become this new one.
  void take_over(released_state&& rest, buffer_lease&& unread) noexcept;
  /// Closed, or being so with nothing in flight.
  [[nodiscard]] bool closed() const noexcept { return closing() && !in_use(); }

 private:
  ~stream_socket() = default;
  [[nodiscard]] bool in_use() const noexcept { return receive_in_use() || send_in_use(); }
  void operation_ended() noexcept override;

  wring::detail::wait_list<socket_close_listener> closers_;
};

}  // namespace wring::net::detail
