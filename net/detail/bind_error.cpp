// SPDX-License-Identifier: MIT
#include <cerrno>

#include <wring/net/detail/bind_error.hpp>

namespace wring::net::detail {

error bind_error(int error_number, const socket_address& address, const char* operation, const char* in_use) noexcept {
  const error e = error::from_errno(error_number, operation).with_address(address);
  switch (error_number) {
    case EADDRINUSE:
      return e.with_detail(in_use);
    case EACCES:
      return e.with_detail("ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE");
    case EADDRNOTAVAIL:
      return e.with_detail("no interface of this host has that address");
    case EINVAL:
      return address.is_v6() && address.ip().is_link_local() && address.ip().scope_id() == 0
                 ? e.with_detail("a link-local address needs its interface, as in fe80::1%eth0")
                 : e;
    default:
      return e;
  }
}

}  // namespace wring::net::detail
