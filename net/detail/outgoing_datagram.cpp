// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <wring/net/detail/outgoing_datagram.hpp>

namespace wring::net::detail {

namespace {

template <class T>
std::span<const std::byte> bytes_of(const T& value) noexcept {
  return std::as_bytes(std::span(&value, 1));
}

/// What is said of failures between Unix sockets; null for those that speak for themselves.
const char* unix_detail(int error_number) noexcept {
  switch (error_number) {
    case EMSGSIZE:
      return "it is longer than the sender's buffer (SO_SNDBUF, net.core.wmem_default)";
    case ECONNREFUSED:
      return "nobody receives there";
    case ENOENT:
      return "the receiver has not made the socket";
    case EACCES:
      return "sending needs the permission to write to the socket and to enter its folders";
    case EPERM:
      return "the socket there is connected to another one, and receives from that alone";
    case EPROTOTYPE:
      return "the socket there is not one for datagrams";
    case ENOTCONN:
      return "the socket is not connected, or its peer has gone: connect it";
    default:
      return nullptr;
  }
}

}  // namespace

outgoing_datagram::outgoing_datagram(const datagram_parts& parts) noexcept {
  if (parts.to != nullptr) {
    message_.msg_name = const_cast<::sockaddr*>(parts.to->data());
    message_.msg_namelen = parts.to->size();
  }
  for (const std::span<const std::byte> part : parts.bytes.first(std::min(parts.bytes.size(), most_parts))) {
    vector_[message_.msg_iovlen++] = {const_cast<std::byte*>(part.data()), part.size()};
  }
  message_.msg_iov = vector_.data();
  add_options(parts.extras.options, parts.to != nullptr && parts.to->is_v4());
  if (!parts.extras.descriptors.empty()) {
    add_control(SOL_SOCKET, SCM_RIGHTS, std::as_bytes(parts.extras.descriptors));
  }
}

void outgoing_datagram::add_control(int level, int type, std::span<const std::byte> value) noexcept {
  std::byte* const place = control_.data() + message_.msg_controllen;
  const ::cmsghdr head{.cmsg_len = CMSG_LEN(value.size()), .cmsg_level = level, .cmsg_type = type};
  std::memset(place, 0, CMSG_SPACE(value.size()));
  std::memcpy(place, &head, sizeof head);
  std::memcpy(place + CMSG_LEN(0), value.data(), value.size());
  message_.msg_control = control_.data();
  message_.msg_controllen += CMSG_SPACE(value.size());
}

void outgoing_datagram::add_options(const datagram_send_options& options, bool to_v4) noexcept {
  if (options.segment_size != 0) add_control(SOL_UDP, UDP_SEGMENT, bytes_of(options.segment_size));
  if (!options.source && options.interface_index == 0) return;
  const bool v4 = options.source ? options.source->unmapped().is_v4() : to_v4;
  if (v4) {
    ::in_pktinfo info{};
    info.ipi_ifindex = static_cast<int>(options.interface_index);
    if (options.source) std::memcpy(&info.ipi_spec_dst, options.source->unmapped().bytes().data(), 4);
    add_control(IPPROTO_IP, IP_PKTINFO, bytes_of(info));
  } else {
    ::in6_pktinfo info{};
    info.ipi6_ifindex = options.interface_index;
    if (options.source) {
      std::memcpy(&info.ipi6_addr, options.source->bytes().data(), 16);
      if (info.ipi6_ifindex == 0) info.ipi6_ifindex = options.source->scope_id();
    }
    add_control(IPPROTO_IPV6, IPV6_PKTINFO, bytes_of(info));
  }
}

error send_error(std::int32_t sent, const socket_address& to, const datagram_parts& parts,
                 const socket_address& local) noexcept {
  const error e = error::from_errno(-sent, "send to").with_address(to);
  if (-sent == EMSGSIZE && parts.bytes.size() > outgoing_datagram::most_parts) {
    return e.with_count(parts.bytes.size()).with_detail("a datagram is sent from at most 16 spans");
  }
  if (local.is_unix()) {
    const char* const detail = unix_detail(-sent);
    return detail != nullptr ? e.with_detail(detail) : e;
  }
  switch (-sent) {
    case EMSGSIZE:
      return e.with_detail("at most 65,507 bytes fit into a datagram over IPv4, and the path may allow fewer");
    case EACCES:
      return e.with_detail("sending to a broadcast address needs udp_options::broadcast");
    case EIO:
      return e.with_detail("the interface cannot segment datagrams: send them one by one");
    case EINVAL:
      return parts.extras.options.segment_size != 0
                 ? e.with_detail("at most 64 segments, each of which fits into a packet of the path")
                 : e;
    case ECONNREFUSED:
      return e.with_detail("nothing received the datagram before it: the peer's host says so");
    case EDESTADDRREQ:
      return e.with_detail("the socket is not connected: use send_to, or connect it");
    default:
      return e;
  }
}

}  // namespace wring::net::detail
