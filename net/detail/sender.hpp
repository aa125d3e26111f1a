// SPDX-License-Identifier: MIT
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/operand.hpp>
#include <wring/net/detail/stream_socket.hpp>

namespace wring::net::detail {

/// A task's turn to send: one send is in flight a socket, the others wait in order. Delivering: a send that was stopped
/// too late counts. Stopped half way, it poisons the socket's write side.
class WRING_API sender : public leaf<sender, void>, public operation, public wring::detail::wait_link {
 public:
  bool ready() noexcept;
  void suspend() noexcept { socket_->queue(*this); }
  void stop() noexcept override;
  void resume() const { resume_result().value(); }
  result<void> resume_result() const noexcept;
  wait_description describe() const noexcept override;

 protected:
  explicit sender(stream_socket& s) noexcept;
  ~sender() = default;

  [[nodiscard]] virtual bool nothing_to_do() const noexcept = 0;
  /// Prepares the operation for what is left. False: nothing is left.
  [[nodiscard]] virtual bool prepare() noexcept = 0;
  /// `count` more bytes have been sent.
  virtual void advance(std::size_t count) noexcept = 0;

  stream_socket* socket_;

 private:
  friend class stream_socket;
  friend class wring::detail::wait_list<sender>;

  void send() noexcept;
  /// Ends a sender that has not begun, as the socket is no longer writable.
  void refuse() noexcept;
  void on_sent(const completion& c) noexcept;
  void end(bool stopped) noexcept;

  std::uint64_t sent_ = 0;
  int errno_ = 0;
  bool refused_ = false;
  bool begun_ = false;
  wring::detail::wait_list<sender>* list_ = nullptr;
};

/// Writes one span.
class WRING_API write_wait final : public sender {
 public:
  write_wait(stream_socket& s, std::span<const std::byte> bytes) noexcept : sender(s), left_(bytes) {}

  /// The same with its fault as a value.
  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<write_wait>(*this); }

 private:
  bool nothing_to_do() const noexcept override { return left_.empty(); }
  bool prepare() noexcept override;
  void advance(std::size_t count) noexcept override { left_ = left_.subspan(count); }

  std::span<const std::byte> left_;
};

/// Writes several spans as if they were one.
class WRING_API gathered_write_wait final : public sender {
 public:
  gathered_write_wait(stream_socket& s, std::span<const std::span<const std::byte>> parts) noexcept;

  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<gathered_write_wait>(*this); }

 private:
  bool nothing_to_do() const noexcept override { return parts_.empty(); }
  bool prepare() noexcept override;
  void advance(std::size_t count) noexcept override;
  void skip_empty() noexcept;

  std::span<const std::span<const std::byte>> parts_;
  std::size_t offset_ = 0;  // sent of the first part
  ::msghdr message_{};
  std::array<::iovec, 16> vector_;
};

/// Sends the end of the stream, after the writes before it.
class WRING_API shut_down_write_wait final : public sender {
 public:
  explicit shut_down_write_wait(stream_socket& s) noexcept : sender(s) {}

  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<shut_down_write_wait>(*this); }

 private:
  bool nothing_to_do() const noexcept override { return false; }
  bool prepare() noexcept override;
  void advance(std::size_t) noexcept override {}
};

}  // namespace wring::net::detail
