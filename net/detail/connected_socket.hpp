// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <wring/core/detail/export.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/error.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/detail/compact_address.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net::detail {

/// What the two sides of a connected stream socket share: the descriptor, the peer, and how the connection has ended.
/// Belongs to one scheduler.
class WRING_API connected_socket {
 public:
  connected_socket(const connected_socket&) = delete;
  connected_socket& operator=(const connected_socket&) = delete;

  [[nodiscard]] int native() const noexcept { return fd_.get(); }
  [[nodiscard]] wring::engine& engine() const noexcept { return sched_->engine(); }
  /// Others than the library set options of the socket, SO_LINGER maybe.
  void share_descriptor() noexcept { shared_ = true; }
  /// Other processes may have the same open file: its mode is to stay as it is, even for a moment.
  void keep_mode() noexcept { mode_is_others_ = true; }
  [[nodiscard]] bool mode_is_others() const noexcept { return mode_is_others_; }
  [[nodiscard]] bool closing() const noexcept { return (state_ & is_closing) != 0; }
  [[nodiscard]] socket_address peer() const noexcept { return peer_.get(); }
  [[nodiscard]] bool is_unix() const noexcept { return peer_.is_unix(); }
  [[nodiscard]] error fault(int error_number, const char* operation_name) const noexcept;
  [[nodiscard]] error fault(errc code, const char* operation_name) const noexcept;

 protected:
  enum state_bits : std::uint8_t {
    is_closing = 1,
    end_of_file = 2,
    read_failed = 4,
    write_shut = 8,
    write_torn = 16,
    write_failed = 32,
    fault_told = 64,      ///< the connection's fault is in write_errno_: the kernel tells it once
    end_announced = 128,  ///< to the observer
    lasting = end_of_file | read_failed | write_shut | write_torn | write_failed | fault_told,  ///< the connection's
  };

  connected_socket(descriptor owned, compact_address&& peer);
  ~connected_socket() = default;

  /// An operation has ended while the socket is being closed. The socket may have been destroyed when this returns.
  virtual void operation_ended() noexcept = 0;

  descriptor fd_;
  std::uint8_t state_ = 0;
  bool keep_descriptor_ = false;  ///< closing leaves it, and the bytes received, to others
  bool abandoned_ = false;
  bool shared_ = false;
  bool mode_is_others_ = false;
  bool receiving_ = false;       ///< the multishot receive is in flight, or waits for a buffer
  std::uint8_t read_errno_ = 0;  // Linux has none above 133
  std::uint8_t write_errno_ = 0;
  scheduler* sched_;

 private:
  compact_address peer_;
};

}  // namespace wring::net::detail
