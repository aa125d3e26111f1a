// SPDX-License-Identifier: MIT
#pragma once

#include <wring/net/detail/descriptor.hpp>
#include <wring/net/socket_address.hpp>

/// The socket system calls that do not block, with their faults as io_error.
namespace wring::net::detail {

/// A close-on-exec socket for the address's family.
[[nodiscard]] WRING_API descriptor make_socket(const socket_address& address, int type, const char* operation);

/// Throws io_error naming the option and the socket's own or peer's address.
WRING_API void set_option(int fd, int level, int name, int value, const char* operation);

/// The local address of `fd`; empty if it has none.
[[nodiscard]] WRING_API socket_address local_address_of(int fd) noexcept;
/// The peer's address, IPv4 ones without their IPv6 mapping; empty if there is none (any more).
[[nodiscard]] WRING_API socket_address peer_address_of(int fd) noexcept;

}  // namespace wring::net::detail
