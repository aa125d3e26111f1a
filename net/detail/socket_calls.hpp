// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/engine/engine.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/socket_address.hpp>

/// The control calls of an engine for sockets, with their faults as io_error and their addresses as socket_address.
namespace wring::net::detail {

/// A close-on-exec socket for the address's family.
[[nodiscard]] WRING_API descriptor make_socket(engine& e, const socket_address& address, int type,
                                               const char* operation);

/// 0 or -errno.
[[nodiscard]] WRING_API int set_option(engine& e, int fd, int level, int name, int value) noexcept;
/// Throws io_error naming the option and the socket's own or peer's address.
WRING_API void require_option(engine& e, int fd, int level, int name, int value, const char* operation);
/// The value of an option that is an int, or -errno, which none of those that are asked for can have.
[[nodiscard]] WRING_API int option_of(engine& e, int fd, int level, int name) noexcept;

/// The local address of `fd`; empty if it has none.
[[nodiscard]] WRING_API socket_address local_address_of(engine& e, int fd) noexcept;
/// The peer's address, IPv4 ones without their IPv6 mapping; empty if there is none (any more).
[[nodiscard]] WRING_API socket_address peer_address_of(engine& e, int fd) noexcept;
/// The same of an accepted connection, also if the peer has reset it since.
[[nodiscard]] WRING_API socket_address accepted_peer_address_of(engine& e, int fd) noexcept;

/// What the engine has reported of the peer; empty if nothing.
[[nodiscard]] WRING_API socket_address told_address_of(const accepted_address& a) noexcept;

/// Removes a positive SO_LINGER, so that close(2) does not wait for what is not delivered yet; the kernel continues to
/// deliver it nevertheless. One of zero, which makes close(2) reset the connection, is kept.
WRING_API void do_not_linger(engine& e, int fd) noexcept;
/// Makes close(2) reset the connection.
WRING_API void reset_on_close(engine& e, int fd) noexcept;

}  // namespace wring::net::detail
