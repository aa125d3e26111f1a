// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <wring/net/detail/descriptor_inbox.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net::detail {

/// What a stream on a socket knows that its descriptor cannot tell, since the kernel tells it once.
struct released_state {
  socket_address peer;                      ///< empty: the kernel is asked
  std::unique_ptr<descriptor_inbox> inbox;  ///< of a Unix socket that receives descriptors
  std::size_t quota = 0;                    ///< 0: the default
  std::uint64_t torn_after = 0;
  bool mode_is_others = false;  ///< as of a connected_socket
  std::uint8_t ended = 0;       ///< the socket's state_bits
  std::uint8_t read_errno = 0;
  std::uint8_t write_errno = 0;
};

}  // namespace wring::net::detail
