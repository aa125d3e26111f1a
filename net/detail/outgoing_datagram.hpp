// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/socket.h>
#include <sys/uio.h>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/udp_options.hpp>

namespace wring::net::detail {

/// What is to be sent, to whom and how. Borrows the bytes.
struct datagram_parts {
  const socket_address* to;  ///< null: to the socket's peer
  std::span<const std::span<const std::byte>> bytes;
  const datagram_send_options* options;
};

/// A message of it for one call of sendmsg(2).
class WRING_API outgoing_datagram {
 public:
  static constexpr std::size_t most_parts = 16;

  explicit outgoing_datagram(const datagram_parts& parts) noexcept;
  outgoing_datagram(const outgoing_datagram&) = delete;
  outgoing_datagram& operator=(const outgoing_datagram&) = delete;

  [[nodiscard]] const ::msghdr& header() const noexcept { return message_; }

 private:
  void add_options(const datagram_send_options& options, bool to_v4) noexcept;
  template <class T>
  void add(int level, int type, const T& value) noexcept;

  ::msghdr message_{};
  std::array<::iovec, most_parts> vector_;
  alignas(::cmsghdr) std::array<std::byte, 96> control_;
};

/// Why `sent`, an -errno, is what came of sending it, and what may help.
[[nodiscard]] WRING_API error send_error(std::int32_t sent, const socket_address& to,
                                         const datagram_parts& parts) noexcept;

}  // namespace wring::net::detail
