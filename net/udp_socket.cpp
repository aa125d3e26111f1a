// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <limits>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdexcept>
#include <sys/socket.h>

#include <wring/core/scheduler.hpp>
#include <wring/net/detail/bind_error.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/udp_socket.hpp>

namespace wring::net {

namespace {

constexpr const char* what = "receive on";
constexpr const char* taken = "another socket has that port: choose another one, or 0 for a free one";
constexpr std::size_t most_bytes = 65'535;

const udp_options& checked(const udp_options& options) {
  if (options.largest == 0 || options.largest > most_bytes) {
    throw std::invalid_argument("udp_options::largest is not between 1 and 65535");
  }
  if (options.receive_queue == 0) {
    throw std::invalid_argument("udp_options::receive_queue is 0: it must be at least 1");
  }
  return options;
}

void set_buffer(engine& e, int fd, int name, std::size_t bytes, const char* operation) {
  if (bytes == 0) return;
  const std::size_t most = std::numeric_limits<int>::max();
  detail::require_option(e, fd, SOL_SOCKET, name, static_cast<int>(std::min(bytes, most)), operation);
}

void ask_for_control(engine& e, int fd, bool v6, const udp_options& options) {
  if (options.join) detail::require_option(e, fd, SOL_UDP, UDP_GRO, 1, "set UDP_GRO");
  if (!options.packet_info) return;
  if (v6) {
    detail::require_option(e, fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "set IPV6_RECVPKTINFO");
  } else {
    detail::require_option(e, fd, IPPROTO_IP, IP_PKTINFO, 1, "set IP_PKTINFO");
  }
}

descriptor make_bound(engine& e, const socket_address& address, const udp_options& options) {
  descriptor fd = detail::make_socket(e, address, SOCK_DGRAM, what);
  const int s = fd.get();
  if (options.reuse_address) detail::require_option(e, s, SOL_SOCKET, SO_REUSEADDR, 1, "set SO_REUSEADDR");
  if (options.reuse_port) detail::require_option(e, s, SOL_SOCKET, SO_REUSEPORT, 1, "set SO_REUSEPORT");
  if (options.broadcast) detail::require_option(e, s, SOL_SOCKET, SO_BROADCAST, 1, "set SO_BROADCAST");
  if (address.is_v6()) {
    detail::require_option(e, s, IPPROTO_IPV6, IPV6_V6ONLY, options.dual_stack ? 0 : 1, "set IPV6_V6ONLY");
  }
  set_buffer(e, s, SO_RCVBUF, options.receive_buffer, "set SO_RCVBUF");
  set_buffer(e, s, SO_SNDBUF, options.send_buffer, "set SO_SNDBUF");
  ask_for_control(e, s, address.is_v6(), options);
  if (const int r = e.bind(s, *address.data(), address.size()); r < 0)
    detail::bind_error(-r, address, what, taken).raise();
  return fd;
}

std::size_t room(const udp_options& options) noexcept { return options.join ? most_bytes : options.largest; }

}  // namespace

udp_socket udp_socket::adopt(int fd, const udp_options& options) {
  checked(options);
  const socket_address local = check_adopted(fd, &socket_address::is_ip);
  engine& e = scheduler::current().engine();
  ask_for_control(e, fd, local.is_v6(), options);
  return udp_socket(own_adopted(fd, room(options), options.receive_queue));
}

task<udp_socket> bind_udp(udp_options options) {
  checked(options);
  engine& e = scheduler::current().engine();
  descriptor fd;
  try {
    fd = make_bound(e, socket_address(options.address, options.port), options);
  } catch (const io_error& refused) {
    const bool no_v6 = refused.code() == std::errc::address_family_not_supported;
    if (!no_v6 || !options.dual_stack || options.address != ip_address::any_v6) throw;
  }
  if (fd.get() < 0) fd = make_bound(e, socket_address(ip_address::any_v4, options.port), options);
  co_return udp_socket(new detail::datagram_socket(std::move(fd), room(options), options.receive_queue));
}

task<udp_socket> connect_udp(socket_address peer, udp_options options) {
  if (!peer.is_ip()) error::from_errno(EAFNOSUPPORT, "connect to").with_address(peer).raise();
  if (options.address == ip_address::any_v6 && peer.is_v4()) options.address = ip_address::any_v4;
  udp_socket s = co_await bind_udp(options);
  co_await s.connect(peer);
  co_return s;
}

}  // namespace wring::net
