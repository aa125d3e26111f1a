// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <wring/core/task.hpp>
#include <wring/net/detail/socket_close_wait.hpp>
#include <wring/net/detail/socket_read_wait.hpp>
#include <wring/net/detail/socket_shut_down_wait.hpp>
#include <wring/net/detail/socket_write_wait.hpp>
#include <wring/net/released_connection.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/stream_observer.hpp>

namespace wring::net {

namespace detail {
class queued_write;
struct socket_access;
struct stream_access;
}  // namespace detail

/// What the streams on sockets have in common, all of `tcp_stream` and `unix_stream` but how they are made and what
/// only one of them can do. Movable; closed when it is destroyed. One task may read and any number may write at a time;
/// their calls must end before it is destroyed or assigned to (the process ends otherwise), but it may be moved
/// meanwhile. Belongs to the scheduler it was made on: it must be destroyed on that thread, before the scheduler (or
/// the process ends).
///
/// Every operation has `.result()`, which returns its fault as a value instead of throwing io_error.
class WRING_API socket_stream {
 public:
  /// Returns the next bytes, as soon as some are available; an empty lease at the end of the stream, every time. The
  /// bytes are in a buffer that is leased from the scheduler until the return value is destroyed: no buffer is held
  /// while waiting. Returning: a cancelled read has taken nothing. Throws errc::busy if another task is reading.
  [[nodiscard]] auto read_some() { return detail::socket_read_some_wait(socket()); }

  /// Puts bytes in front of what is to be read, including the end of the stream: for code that has read too much,
  /// beyond a header for instance. A task that waits for bytes receives them. A closed stream drops them; if there is
  /// no memory to keep them, reading fails with ENOMEM from there on.
  void unread(buffer_lease bytes) noexcept {
    if (socket_ != nullptr) socket_->give_back(std::move(bytes));
  }

  /// Reads at least one byte into `into`; 0 at the end of the stream (and for an empty span). Otherwise as read_some;
  /// the two may be mixed.
  [[nodiscard]] auto read(std::span<std::byte> into) { return detail::socket_read_wait(socket(), into); }

  /// Returns what has been received already, as read_some would but without waiting: empty if there is nothing, at the
  /// end of the stream, while another task reads, and once it is closed. Bytes that only the kernel has so far do not
  /// count; they are received while a task reads and, up to the receive quota, after that.
  [[nodiscard]] buffer_lease try_read_some() noexcept {
    return socket_ != nullptr && socket_->readable_at_once() ? socket_->pop() : buffer_lease();
  }
  /// The number of bytes that repeated calls of try_read_some would return.
  [[nodiscard]] std::size_t received_ahead() const noexcept {
    return socket_ != nullptr && socket_->readable_at_once() ? socket_->bytes_ahead() : 0;
  }

  /// Writes all of `data`, which must stay unchanged until this has ended. Calls from several tasks queue in order.
  /// Delivering: it may end with success although it was cancelled meanwhile. Cancelled half way, it poisons the write
  /// side: later writes fail with errc::write_torn, since the peer has received a part; reads continue.
  [[nodiscard]] auto write_all(std::span<const std::byte> data) { return detail::socket_write_wait(socket(), data); }
  [[nodiscard]] auto write_all(std::string_view text) { return write_all(std::as_bytes(std::span(text))); }
  [[nodiscard]] auto write_all(const buffer_lease& chunk) { return write_all(std::span<const std::byte>(chunk)); }
  /// The same for several spans as if they were one; spans and span of spans must stay until this has ended.
  [[nodiscard]] auto write_all(std::span<const std::span<const std::byte>> parts) {
    return detail::socket_gather_write_wait(socket(), parts);
  }

  /// Tells the peer, after all earlier writes, that nothing more follows. Reading continues. Calling it again does
  /// nothing.
  [[nodiscard]] auto shut_down_write() { return detail::socket_shut_down_wait(socket()); }

  /// Closes, and returns when that is done: operations that wait on the stream fail with errc::closed. Not cancellable.
  /// Bytes that the peer has sent and that are unread make the kernel reset the connection.
  [[nodiscard]] auto close() { return detail::socket_close_wait(socket_); }

  /// Writes what can be written without waiting, and returns the number of bytes: zero while a task writes, and where
  /// no more may be written (the next write_all reports why). Of more than 16 spans only the first 16 are used.
  [[nodiscard]] std::size_t try_write(std::span<const std::span<const std::byte>> parts) noexcept {
    return socket_ != nullptr ? socket_->try_write(parts) : 0;
  }

  /// Tells `observer` what arrives while no task reads, until it is passed null; see `stream`. Bytes are received up to
  /// the receive quota. False: the stream is closed, and nothing will be reported.
  bool watch(stream_observer* observer) noexcept {
    if (socket_ == nullptr || socket_->closing()) return false;
    socket_->watch(observer);
    return true;
  }

  /// Makes the connection nobody's, to be adopted by another scheduler or handed to other code; the stream is closed
  /// then. What is in flight is cancelled, and what it had received by then goes along. Tasks that read or write fail
  /// with errc::closed, and a write that was half done leaves the write side torn, for the adopter too; what an
  /// `outbox` has not sent is lost: drain it first. Throws io_error with errc::closed if the stream is closed. Not
  /// cancellable once begun.
  [[nodiscard]] task<released_connection> release();

  [[nodiscard]] bool is_open() const noexcept { return socket_ != nullptr && !socket_->closing(); }
  /// The descriptor, for options that have no function here. Borrowed. A positive SO_LINGER has no effect on closing:
  /// the call would block the whole scheduler for that long.
  [[nodiscard]] int native_handle() const noexcept {
    if (socket_ == nullptr) return -1;
    socket_->share_descriptor();
    return socket_->native();
  }
  /// The peer's is valid as long as the object exists, even if the connection was reset before it was accepted; the
  /// local one is empty once the stream is closed.
  [[nodiscard]] socket_address peer_address() const noexcept;
  [[nodiscard]] socket_address local_address() const;

  /// Throws io_error, as the following do; errc::closed once closed.
  void set_send_buffer(std::size_t bytes);
  void set_receive_buffer(std::size_t bytes);
  /// How much may be received and not yet taken (default 64 KiB); beyond it the peer is held back. It may be exceeded
  /// by what one pass of the kernel had received by then, and each piece counts a little more than its bytes. Throws
  /// std::invalid_argument for zero.
  void set_receive_quota(std::size_t bytes);

 protected:
  /// No connection: every operation fails with errc::closed.
  socket_stream() noexcept = default;
  explicit socket_stream(detail::stream_socket* s) noexcept : socket_(s) {}
  socket_stream(socket_stream&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}
  socket_stream& operator=(socket_stream&& other) noexcept {
    std::swap(socket_, other.socket_);
    return *this;
  }
  /// Closes what is still open, in the background: the scheduler cancels what is in flight first.
  ~socket_stream() {
    if (socket_ != nullptr) socket_->abandon();
  }

  detail::stream_socket& socket() {
    if (socket_ == nullptr) [[unlikely]]
      throw_closed();
    return *socket_;
  }
  /// Takes over a connected socket of the type SOCK_STREAM whose peer has an address that `is_right`.
  [[nodiscard]] static detail::stream_socket* adopted(int fd, bool (socket_address::*is_right)() const noexcept);
  [[nodiscard]] static detail::stream_socket* adopted(released_connection& given,
                                                      bool (socket_address::*is_right)() const noexcept);
  /// Closes at once; `reset`: with an RST.
  void end(bool reset) noexcept;
  void set(int level, int name, int value, const char* operation, const char* limits = nullptr);

 private:
  friend struct detail::socket_access;
  friend struct detail::stream_access;

  [[noreturn]] static void throw_closed();
  void queue(detail::queued_write& posted) noexcept;

  detail::stream_socket* socket_ = nullptr;
};

namespace detail {

/// What makes streams of sockets, and takes them apart again.
struct socket_access {
  template <class Stream>
  [[nodiscard]] static Stream make(stream_socket* s) noexcept {
    return Stream(s);
  }
  [[nodiscard]] static stream_socket* socket_of(const socket_stream& s) noexcept { return s.socket_; }
};

}  // namespace detail

}  // namespace wring::net
