// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <wring/net/datagram.hpp>

namespace wring::net {

namespace {

/// The control data of this kind; false if there is none.
template <class T>
bool find_control(std::span<const std::byte> control, int level, int type, T& into) noexcept {
  ::msghdr message{};
  message.msg_control = const_cast<std::byte*>(control.data());
  message.msg_controllen = control.size();
  for (::cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != level || each->cmsg_type != type || each->cmsg_len < CMSG_LEN(sizeof into)) continue;
    std::memcpy(&into, CMSG_DATA(each), sizeof into);
    return true;
  }
  return false;
}

ip_address address_of(const ::in_addr& a) noexcept {
  ip_address::v4_bytes bytes{};
  std::memcpy(bytes.data(), &a, bytes.size());
  return ip_address(bytes);
}

ip_address address_of(const ::in6_addr& a, unsigned interface_index) noexcept {
  ip_address::v6_bytes bytes{};
  std::memcpy(bytes.data(), &a, bytes.size());
  return ip_address(bytes, interface_index).unmapped();
}

}  // namespace

socket_address datagram::peer() const noexcept {
  const std::span<const std::byte> source = message_.source();
  socket_address from = socket_address::from_sockaddr(reinterpret_cast<const ::sockaddr*>(source.data()),
                                                      static_cast<::socklen_t>(source.size()));
  if (from.is_v6()) from = from.unmapped();
  return from;
}

std::size_t datagram::segment_size() const noexcept {
  int size = 0;
  const bool joined = find_control(message_.control(), SOL_UDP, UDP_GRO, size) && size > 0;
  return joined ? std::min<std::size_t>(static_cast<unsigned>(size), size_) : size_;
}

std::size_t datagram::segments() const noexcept {
  const std::size_t each = segment_size();
  return each == 0 ? 1 : (size_ + each - 1) / each;
}

std::span<const std::byte> datagram::segment(std::size_t index) const noexcept {
  const std::size_t each = segment_size();
  const std::size_t begin = std::min<std::size_t>(index * each, size_);
  return bytes().subspan(begin, std::min<std::size_t>(each, size_ - begin));
}

std::optional<ip_address> datagram::local_address() const noexcept {
  if (::in6_pktinfo v6{}; find_control(message_.control(), IPPROTO_IPV6, IPV6_PKTINFO, v6)) {
    return address_of(v6.ipi6_addr, v6.ipi6_ifindex);
  }
  if (::in_pktinfo v4{}; find_control(message_.control(), IPPROTO_IP, IP_PKTINFO, v4)) return address_of(v4.ipi_addr);
  return std::nullopt;
}

unsigned datagram::interface_index() const noexcept {
  if (::in6_pktinfo v6{}; find_control(message_.control(), IPPROTO_IPV6, IPV6_PKTINFO, v6)) return v6.ipi6_ifindex;
  if (::in_pktinfo v4{}; find_control(message_.control(), IPPROTO_IP, IP_PKTINFO, v4)) {
    return static_cast<unsigned>(v4.ipi_ifindex);
  }
  return 0;
}

std::optional<unix_credentials> datagram::sender_credentials() const noexcept {
  ::ucred found{};
  if (!find_control(message_.control(), SOL_SOCKET, SCM_CREDENTIALS, found)) return std::nullopt;
  return unix_credentials{.process = found.pid, .user = found.uid, .group = found.gid};
}

buffer_lease datagram::take_bytes() && noexcept {
  buffer_lease all = std::move(message_).take_payload();
  all.truncate(std::exchange(size_, 0));
  return all;
}

}  // namespace wring::net
