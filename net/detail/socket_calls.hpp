// SPDX-License-Identifier: MIT
#pragma once

#include <wring/net/descriptor.hpp>
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
/// The same of an accepted connection, also if the peer has reset it since.
[[nodiscard]] WRING_API socket_address accepted_peer_address_of(int fd) noexcept;

/// Takes a positive SO_LINGER off, so that close(2) does not wait for what was not delivered yet; the kernel goes on
/// delivering it all the same. One of zero, which makes close(2) reset the connection, stays.
WRING_API void do_not_linger(int fd) noexcept;
/// Makes close(2) reset the connection.
WRING_API void reset_on_close(int fd) noexcept;

}  // namespace wring::net::detail
