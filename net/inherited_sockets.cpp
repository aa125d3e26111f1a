// SPDX-License-Identifier: MIT
#include <sys/socket.h>
#include <utility>

#include <wring/core/engine/inherited_descriptors.hpp>
#include <wring/net/inherited_sockets.hpp>

namespace wring::net {

namespace {

inherited_kind kind_of(const wring::detail::inherited_descriptor& d, const socket_address& address) noexcept {
  if (!address.is_ip() && !address.is_unix()) return inherited_kind::other;
  switch (d.socket_type) {
    case SOCK_STREAM:
      return d.listens ? inherited_kind::listener : inherited_kind::stream;
    case SOCK_DGRAM:
      return inherited_kind::datagram;
    default:
      return inherited_kind::other;
  }
}

}  // namespace

tcp_listener inherited_socket::take_tcp_listener(std::size_t accept_queue) {
  tcp_listener adopted = tcp_listener::adopt(fd.get(), accept_queue);
  static_cast<void>(fd.release());
  return adopted;
}

unix_listener inherited_socket::take_unix_listener(std::size_t accept_queue) {
  unix_listener adopted = unix_listener::adopt(fd.get(), accept_queue);
  static_cast<void>(fd.release());
  return adopted;
}

any_listener inherited_socket::take_listener(std::size_t accept_queue) {
  if (address.is_unix()) return any_listener(take_unix_listener(accept_queue));
  return any_listener(take_tcp_listener(accept_queue));
}

std::vector<inherited_socket> inherited_sockets() {
  std::vector<inherited_socket> sockets;
  for (wring::detail::inherited_descriptor& each : wring::detail::take_inherited_descriptors()) {
    descriptor fd(each.fd);
    const auto address =
        socket_address::from_sockaddr(reinterpret_cast<const ::sockaddr*>(each.address.data()), each.address_size);
    sockets.push_back({std::move(fd), std::move(each.name), kind_of(each, address), address});
  }
  return sockets;
}

}  // namespace wring::net
