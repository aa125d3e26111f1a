// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/socket.h>
#include <sys/uio.h>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/udp_options.hpp>

namespace wring::net::detail {

/// What goes with the bytes.
struct datagram_extras {
  datagram_send_options options = {};     ///< of UDP
  std::span<const int> descriptors = {};  ///< of Unix sockets
};
static_assert(std::is_trivially_destructible_v<datagram_extras>);

/// What is to be sent, to whom and how. Borrows the bytes.
struct datagram_parts {
  const socket_address* to;  ///< null: to the socket's peer
  std::span<const std::span<const std::byte>> bytes;
  const datagram_extras& extras;
};

/// A message of it for one call of sendmsg(2).
class WRING_API outgoing_datagram {
 public:
  static constexpr std::size_t most_parts = 16;
  static constexpr std::size_t most_descriptors = 16;

  explicit outgoing_datagram(const datagram_parts& parts) noexcept;
  outgoing_datagram(const outgoing_datagram&) = delete;
  outgoing_datagram& operator=(const outgoing_datagram&) = delete;

  [[nodiscard]] const ::msghdr& header() const noexcept { return message_; }

 private:
  void add_options(const datagram_send_options& options, bool to_v4) noexcept;
  void add_control(int level, int type, std::span<const std::byte> value) noexcept;

  ::msghdr message_{};
  std::array<::iovec, most_parts> vector_;
  alignas(::cmsghdr) std::array<std::byte, 96> control_;
};

/// Why `sent`, an -errno, is what came of sending it from the socket `local`, and what may help.
[[nodiscard]] WRING_API error send_error(std::int32_t sent, const socket_address& to, const datagram_parts& parts,
                                         const socket_address& local) noexcept;

}  // namespace wring::net::detail
