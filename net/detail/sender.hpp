// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/operand.hpp>
#include <wring/net/detail/stream_socket.hpp>

namespace wring::net::detail {

/// A task's turn to send: one sends at a time, the others wait in order. Delivering: bytes that there was room for when
/// it was stopped are sent. Stopped half way, it poisons the socket's write side.
///
/// Most writes fit into the socket's buffer. They end at once in `ready`, where one system call is cheaper than a trip
/// through the ring and the bytes leave at once; or, where many tasks run in the same turn, with the others that are
/// gathered in one system call. What does not fit waits for room. That is a poll, and not a send of io_uring's: that
/// one may go to a thread of the kernel's, and not be stoppable there, once the peer has shut down its side. So the
/// sends that are gathered never wait, either.
class WRING_API sender : public awaiter, public operation, public wring::detail::wait_link {
 public:
  void suspend() noexcept { socket_->queue(*this); }
  void stop() noexcept override;
  void resume() const {
    if (errno_ != 0 || refused_) [[unlikely]]
      resume_result().value();
  }
  result<void> resume_result() const noexcept;
  wait_description describe() const noexcept override;

 protected:
  explicit sender(stream_socket& s) noexcept : operation(unset()), socket_(&s) {}
  ~sender() = default;

  /// Not writable (any more): then the sender has ended.
  [[nodiscard]] bool refused() noexcept {
    if (socket_->writable()) [[likely]]
      return false;
    return refused_ = true;
  }
  /// Takes the outcome of an attempt. True: there is nothing left to be done.
  [[nodiscard]] bool attempted(std::int32_t sent) noexcept;
  /// The same of an attempt that was not made in `ready`: ends, or waits for room.
  void tried_again(std::int32_t sent) noexcept;
  /// It has ended, with an outcome or stopped; the next one may begin.
  void finish() noexcept;
  void give_up() noexcept;

  stream_socket* socket_;
  bool tried_ = false;  // and there was no room
  bool begun_ = false;

 private:
  friend class stream_socket;
  friend class wring::detail::wait_list<sender>;

  /// Sends what there is room for. The number of bytes, or -errno.
  [[nodiscard]] virtual std::int32_t attempt() noexcept = 0;
  /// `sent` more bytes have been sent. False: nothing is left.
  [[nodiscard]] virtual bool advance(std::size_t sent) noexcept = 0;

  /// Its turn. True: it has ended.
  [[nodiscard]] bool send() noexcept;
  void wait_for_room() noexcept;
  [[nodiscard]] bool ending() const noexcept { return stop_requested() || socket_->closing(); }
  static void room_found(operation& op, completion c) noexcept;
  void refuse() noexcept;

  std::uint64_t sent_ = 0;
  int errno_ = 0;
  bool refused_ = false;
};

/// Writes one span.
class WRING_API write_wait final : public leaf<write_wait, void, sender> {
 public:
  write_wait(stream_socket& s, std::span<const std::byte> bytes) noexcept : leaf(s), left_(bytes) {}

  bool ready() noexcept {
    if (refused() || left_.empty()) [[unlikely]]
      return true;
    if (!socket_->idle_to_send() || socket_->gathers_sends()) return false;
    const std::int32_t sent = socket_->attempt(left_);
    return sent == static_cast<std::int64_t>(left_.size()) || attempted(sent);
  }
  void suspend() noexcept;

 private:
  std::int32_t attempt() noexcept override { return socket_->attempt(left_); }
  static void gathered_send_ended(operation& op, completion c) noexcept;
  bool advance(std::size_t sent) noexcept override {
    left_ = left_.subspan(sent);
    return !left_.empty();
  }

  std::span<const std::byte> left_;
};

/// Writes several spans as if they were one.
class WRING_API gathered_write_wait final : public leaf<gathered_write_wait, void, sender> {
 public:
  gathered_write_wait(stream_socket& s, std::span<const std::span<const std::byte>> parts) noexcept;

  bool ready() noexcept { return refused() || parts_.empty() || (socket_->idle_to_send() && attempted(attempt())); }

 private:
  std::int32_t attempt() noexcept override;
  bool advance(std::size_t sent) noexcept override;
  void skip_empty() noexcept;

  std::span<const std::span<const std::byte>> parts_;
  std::size_t offset_ = 0;  // sent of the first part
};

/// Sends the end of the stream, after the writes before it.
class WRING_API shut_down_write_wait final : public leaf<shut_down_write_wait, void, sender> {
 public:
  explicit shut_down_write_wait(stream_socket& s) noexcept : leaf(s) {}

  bool ready() noexcept { return refused(); }
  void resume() const { resume_result().value(); }
  /// As for any sender; but once is enough.
  wring::result<void> resume_result() const noexcept {
    if (socket_->write_is_shut()) return {};
    return sender::resume_result();
  }

 private:
  std::int32_t attempt() noexcept override;
  bool advance(std::size_t) noexcept override { return false; }
};

}  // namespace wring::net::detail
