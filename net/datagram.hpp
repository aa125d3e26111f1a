// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/engine/message_buffers.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/ip_address.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/unix_credentials.hpp>

namespace wring::net {

namespace detail {
class datagram_socket;
}

/// A datagram that was received, its sender and what else the kernel has said of it. Move-only. It is in a buffer that
/// is leased from the scheduler until it is destroyed: keep it only as long as it is needed, since all sockets of one
/// `largest` (of `udp_options`, `unix_datagram_options`) share these buffers (256), and without a free one their
/// receives wait. Use and destroy it on its scheduler's thread, before the scheduler ends.
class WRING_API datagram {
 public:
  /// One without bytes, from nobody.
  datagram() noexcept = default;

  /// The bytes, which may be none: an empty datagram is a datagram. Valid as long as this object.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return message_.payload().first(size_); }
  /// The sender's address, an IPv4 one without its IPv6 mapping. Empty where a unix socket has none.
  [[nodiscard]] socket_address peer() const noexcept;

  /// The datagram was longer than the `largest` of the socket's options: the rest is lost.
  [[nodiscard]] bool truncated() const noexcept { return real_size() > size_; }
  /// How many bytes were sent.
  [[nodiscard]] std::size_t real_size() const noexcept { return message_.real_size(); }

  /// Datagrams of one sender that the kernel has joined (`udp_options::join`): how many bytes each has, except for the
  /// last, which may have fewer. The size of all if nothing was joined.
  [[nodiscard]] std::size_t segment_size() const noexcept;
  /// How many datagrams were joined; 1 if none were.
  [[nodiscard]] std::size_t segments() const noexcept;
  /// One of them, by number (below segments()).
  [[nodiscard]] std::span<const std::byte> segment(std::size_t index) const noexcept;

  /// The address that it was sent to, if `udp_options::packet_info` is set: one of this host, or a multicast or
  /// broadcast address.
  [[nodiscard]] std::optional<ip_address> local_address() const noexcept;
  /// The number of the interface that it came in by, with the same option; otherwise 0.
  [[nodiscard]] unsigned interface_index() const noexcept;

  /// Who has sent it over a Unix socket, if `unix_datagram_options::credentials` is set.
  [[nodiscard]] std::optional<unix_credentials> sender_credentials() const noexcept;
  /// Returns the next descriptor that came with it over a Unix socket, close-on-exec; none if there is none. Only if
  /// `unix_datagram_options::descriptors` is set. Those that are not taken are closed with this object.
  [[nodiscard]] descriptor take_descriptor() noexcept { return descriptor(message_.take_descriptor()); }
  /// More descriptors came than there was room for, or than the process may have: the rest is lost.
  [[nodiscard]] bool descriptors_cut() const noexcept { return message_.control_truncated(); }

  /// Copies it to memory of its own, so that it may be kept for long without taking a buffer from others. False: there
  /// is no memory, and it stays where it is. The rest is unchanged.
  bool leave_buffer() noexcept { return message_.leave_buffer(); }
  /// The bytes alone, in the same buffer; empty if there are none. Descriptors that were not taken are closed.
  [[nodiscard]] buffer_lease take_bytes() && noexcept;

 private:
  friend class detail::datagram_socket;
  /// What `c` has brought.
  datagram(message_buffers& buffers, completion c, std::size_t largest) noexcept
      : message_(buffers.take(c)), size_(static_cast<std::uint32_t>(std::min(message_.payload().size(), largest))) {}

  received_message message_;
  std::uint32_t size_ = 0;
};

}  // namespace wring::net
