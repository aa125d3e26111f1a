// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/net/detail/datagram_socket.hpp>
#include <wring/net/detail/outgoing_datagram.hpp>

namespace wring::net::detail {

/// Sends a datagram: with one system call where there is room, as there nearly always is; otherwise it polls for room
/// and tries again. The kernel does not tell when there is room in the queue of another Unix socket that this one is
/// not connected to, so it pauses between attempts, from 100 us to 10 ms. Delivering: it may have been sent although it
/// was cancelled meanwhile.
class WRING_API datagram_send_wait final : public leaf<datagram_send_wait, void>, waiting_send {
 public:
  /// `to` is empty: to the socket's peer.
  datagram_send_wait(datagram_socket& s, const socket_address& to, std::span<const std::byte> bytes) noexcept
      : socket_(&s), to_(to), one_(bytes), parts_(&one_, 1) {}
  datagram_send_wait(datagram_socket& s, const socket_address& to, std::span<const std::byte> bytes,
                     const datagram_extras& extras) noexcept
      : socket_(&s), to_(to), one_(bytes), parts_(&one_, 1), extras_(extras) {}
  datagram_send_wait(datagram_socket& s, const socket_address& to,
                     std::span<const std::span<const std::byte>> parts) noexcept
      : socket_(&s), to_(to), parts_(parts) {}
  datagram_send_wait(datagram_socket& s, const socket_address& to, std::span<const std::span<const std::byte>> parts,
                     const datagram_extras& extras) noexcept
      : socket_(&s), to_(to), parts_(parts), extras_(extras) {}

  bool ready() noexcept;
  void suspend() noexcept;
  void cancel() noexcept override { socket_->interrupt(*this); }
  void take() const {
    if (outcome_ < 0) [[unlikely]]
      take_result().value();
  }
  wring::result<void> take_result() const noexcept;
  wait_description describe() const noexcept override;

  /// The same without waiting: a value of at least 0, or -errno.
  [[nodiscard]] static std::int32_t attempt(datagram_socket& s, const datagram_parts& parts) noexcept;

 private:
  [[nodiscard]] datagram_parts all() const noexcept;
  [[nodiscard]] std::int32_t attempt() noexcept;
  void room_found(completion c) noexcept;
  [[nodiscard]] const socket_address& receiver() const noexcept { return to_.empty() ? socket_->peer() : to_; }

  datagram_socket* socket_;
  socket_address to_;
  std::span<const std::byte> one_;
  std::span<const std::span<const std::byte>> parts_;
  std::optional<datagram_extras> extras_;  // few have some
  std::int32_t outcome_ = 0;
  bool closed_ = false;
};

/// Whether sending has failed for want of room alone, which is worth waiting for.
[[nodiscard]] inline bool finds_no_room(std::int32_t sent) noexcept { return sent == -EAGAIN || sent == -EINTR; }

}  // namespace wring::net::detail
