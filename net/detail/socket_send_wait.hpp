// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <wring/core/awaiter.hpp>
#include <wring/net/detail/send_side.hpp>

namespace wring::net::detail {

/// A task's turn to send: one sends at a time, the others wait in order. Delivering: bytes that there was room for when
/// it was cancelled are sent. Cancelled half way, it poisons the socket's write side.
///
/// Most writes fit into the socket's buffer. They end at once in `ready`, where one system call is cheaper than a trip
/// through the ring and the bytes leave at once; or, where many tasks run in the same turn, with the others that are
/// batched in one system call. What does not fit waits for room. That is a poll, and not a send of io_uring's: that
/// one may go to a thread of the kernel's, and not be cancellable there, once the peer has shut down its side. So the
/// sends that are batched never wait, either.
class WRING_API socket_send_wait : public awaiter, public operation, public send_entry {
 public:
  void suspend() noexcept { socket_->queue(*this, as_entry); }
  void cancel() noexcept override;
  void take() const {
    if (errno_ != 0 || refused_) [[unlikely]]
      take_result().value();
  }
  result<void> take_result() const noexcept;
  wait_description describe() const noexcept override;

 protected:
  explicit socket_send_wait(send_side& s) noexcept : operation(operation::unset()), socket_(&s) {}
  ~socket_send_wait() = default;

  /// Not writable (any more): then the wait has ended.
  [[nodiscard]] bool refused() noexcept {
    if (socket_->writable()) [[likely]]
      return false;
    return refused_ = true;
  }
  /// Takes the outcome of an attempt. True: there is nothing left to be done.
  [[nodiscard]] bool attempted(std::int32_t sent) noexcept;
  /// The same of an attempt that was not made in `ready`: ends, or waits for room.
  void tried_again(std::int32_t sent) noexcept;
  /// It has ended, with an outcome or cancelled; the next one may begin.
  void finish() noexcept;
  void give_up() noexcept;

  static const send_entry::functions as_entry;

  send_side* socket_;
  bool tried_ = false;  // and there was no room
  bool begun_ = false;

 private:
  /// Sends what there is room for. The number of bytes, or -errno.
  [[nodiscard]] virtual std::int32_t attempt() noexcept = 0;
  /// `sent` more bytes have been sent. False: nothing is left.
  [[nodiscard]] virtual bool advance(std::size_t sent) noexcept = 0;

  static bool send(send_entry& entry) noexcept;
  static void refuse(send_entry& entry) noexcept;
  static bool interrupt(send_entry& entry) noexcept;
  void wait_for_room() noexcept;
  [[nodiscard]] bool ending() const noexcept { return cancel_requested() || socket_->closing(); }
  static void room_found(operation& op, completion c) noexcept;

  std::uint64_t sent_ = 0;
  int errno_ = 0;
  bool refused_ = false;
};

inline void socket_send_wait::finish() noexcept {
  complete();
  socket_->send_ended(*this);
}

}  // namespace wring::net::detail
