// SPDX-License-Identifier: MIT
// What of udp_socket is about multicast.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <span>
#include <sys/socket.h>

#include <wring/core/error.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/udp_socket.hpp>

namespace wring::net {

namespace {

constexpr int v6_multicast_all = 29;  // IPV6_MULTICAST_ALL, Linux 4.20, which older headers lack

int level_of(const ip_address& group) noexcept { return group.is_v6() ? IPPROTO_IPV6 : IPPROTO_IP; }

void copy_address(const ip_address& address, ::sockaddr_storage& into) noexcept {
  const socket_address a(address, 0);
  std::memcpy(&into, a.data(), a.size());
}

error explain_membership(int error_number, const char* operation, const socket_address& group) noexcept {
  const error e = error::from_errno(error_number, operation).with_address(group);
  switch (error_number) {
    case EINVAL:
      return e.with_detail("it is not a multicast address of the socket's family");
    case EADDRNOTAVAIL:
      return e.with_detail("it is not joined there");
    case EADDRINUSE:
      return e.with_detail("it is joined there already");
    case ENODEV:
      return e.with_detail("no route leads to it, or no interface has that number: name one that exists");
    case ENOBUFS:
      return e.with_detail("too many groups or sources: raise net.ipv4.igmp_max_memberships or igmp_max_msf");
    default:
      return e;
  }
}

}  // namespace

void udp_socket::set_membership(int option, const char* operation, const ip_address& group, const ip_address* source,
                                unsigned interface_index) {
  detail::datagram_socket& s = socket();
  const socket_address named(group, s.local().port());
  if (s.closing()) error(errc::closed, operation).with_address(named).raise();
  // The kernel would take addresses of two families for what they are not.
  if (source != nullptr && source->is_v6() != group.is_v6()) explain_membership(EINVAL, operation, named).raise();
  if (interface_index == 0) interface_index = group.scope_id();
  // Otherwise Linux gives it what is sent to the groups of any socket of the host. Some kernels cannot be told.
  static_cast<void>(detail::set_option(s.engine(), s.native(), level_of(group),
                                       group.is_v6() ? v6_multicast_all : IP_MULTICAST_ALL, 0));
  int r = 0;
  if (source == nullptr) {
    ::group_req request{};
    request.gr_interface = interface_index;
    copy_address(group, request.gr_group);
    r = s.engine().set_option(s.native(), level_of(group), option, std::as_bytes(std::span(&request, 1)));
  } else {
    ::group_source_req request{};
    request.gsr_interface = interface_index;
    copy_address(group, request.gsr_group);
    copy_address(*source, request.gsr_source);
    r = s.engine().set_option(s.native(), level_of(group), option, std::as_bytes(std::span(&request, 1)));
  }
  if (r < 0) explain_membership(-r, operation, named).raise();
}

void udp_socket::join_group(const ip_address& group, unsigned interface_index) {
  set_membership(MCAST_JOIN_GROUP, "join", group, nullptr, interface_index);
}

void udp_socket::leave_group(const ip_address& group, unsigned interface_index) {
  set_membership(MCAST_LEAVE_GROUP, "leave", group, nullptr, interface_index);
}

void udp_socket::join_group(const ip_address& group, const ip_address& source, unsigned interface_index) {
  set_membership(MCAST_JOIN_SOURCE_GROUP, "join", group, &source, interface_index);
}

void udp_socket::leave_group(const ip_address& group, const ip_address& source, unsigned interface_index) {
  set_membership(MCAST_LEAVE_SOURCE_GROUP, "leave", group, &source, interface_index);
}

// A socket of both families has both sets of options.
void udp_socket::set_multicast(int v4_option, int v6_option, int value, const char* operation) {
  detail::datagram_socket& s = socket();
  if (s.closing()) error(errc::closed, operation).with_address(s.local()).raise();
  wring::engine& e = s.engine();
  const bool v6 = detail::local_address_of(e, s.native()).is_v6();
  int r = 0;
  if (v6) r = detail::set_option(e, s.native(), IPPROTO_IPV6, v6_option, value);
  const bool v4 = !v6 || detail::option_of(e, s.native(), IPPROTO_IPV6, IPV6_V6ONLY) == 0;
  if (r >= 0 && v4 && v4_option == IP_MULTICAST_IF) {
    ::ip_mreqn request{};
    request.imr_ifindex = value;
    r = e.set_option(s.native(), IPPROTO_IP, v4_option, std::as_bytes(std::span(&request, 1)));
  } else if (r >= 0 && v4) {
    r = detail::set_option(e, s.native(), IPPROTO_IP, v4_option, value);
  }
  if (r < 0) error::from_errno(-r, operation).with_address(s.local()).raise();
}

void udp_socket::set_multicast_interface(unsigned interface_index) {
  set_multicast(IP_MULTICAST_IF, IPV6_MULTICAST_IF, static_cast<int>(interface_index),
                "set the multicast interface of");
}

void udp_socket::set_multicast_hops(unsigned hops) {
  // -1 would be the default.
  set_multicast(IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, static_cast<int>(std::min(hops, 256U)),
                "set the multicast hops of");
}

void udp_socket::set_multicast_loop(bool on) {
  set_multicast(IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP, on ? 1 : 0, "set the multicast loop of");
}

}  // namespace wring::net
