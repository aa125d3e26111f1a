// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <cstring>

#include <wring/net/detail/connected_socket.hpp>

namespace wring::net::detail {

connected_socket::connected_socket(descriptor owned, const socket_address& peer)
    : fd_(std::move(owned)), sched_(&scheduler::current()), peer_{} {
  sched_->engine().register_descriptor(fd_.get());
  if (peer.is_ip()) std::memcpy(&peer_, peer.data(), std::min<std::size_t>(peer.size(), sizeof peer_));
}

socket_address connected_socket::peer() const noexcept {
  return socket_address::from_sockaddr(&peer_.any, peer_.any.sa_family == AF_INET6 ? sizeof peer_.v6 : sizeof peer_.v4);
}

error connected_socket::fault(int error_number, const char* operation_name) const noexcept {
  return error::from_errno(error_number, operation_name).with_address(peer());
}

error connected_socket::fault(errc code, const char* operation_name) const noexcept {
  return error(code, operation_name).with_address(peer());
}

}  // namespace wring::net::detail
