// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <stdexcept>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>

namespace wring::net {

/// Why a connection was lost: it has ended in good order. The peer has ended it, or this side has, with
/// `lose_connection`, and everything was sent.
class WRING_API connection_done : public std::runtime_error {
 public:
  connection_done();
  connection_done(const connection_done&) noexcept = default;
  connection_done& operator=(const connection_done&) noexcept = default;
  ~connection_done() override;

 protected:
  explicit connection_done(const char* message);
};

/// The connection has failed: the peer has reset it, or can no longer be reached. details() is the stream's fault.
class WRING_API connection_lost_error : public io_error {
 public:
  using io_error::io_error;
  connection_lost_error(const connection_lost_error&) noexcept = default;
  connection_lost_error& operator=(const connection_lost_error&) noexcept = default;
  ~connection_lost_error() override;
};

/// This side has ended the connection at once: with `abort_connection`, or because the task that runs it, or its
/// nursery, was cancelled.
class WRING_API connection_aborted : public connection_lost_error {
 public:
  explicit connection_aborted(const error_address& peer = {});
  connection_aborted(const connection_aborted&) noexcept = default;
  connection_aborted& operator=(const connection_aborted&) noexcept = default;
  ~connection_aborted() override;
};

/// More was written than the transport may hold, and the peer did not read it: `transport_options::write_limit`.
class WRING_API write_buffer_overflow : public connection_lost_error {
 public:
  write_buffer_overflow(const error_address& peer, std::size_t limit);
  write_buffer_overflow(const write_buffer_overflow&) noexcept = default;
  write_buffer_overflow& operator=(const write_buffer_overflow&) noexcept = default;
  ~write_buffer_overflow() override;
};

}  // namespace wring::net
