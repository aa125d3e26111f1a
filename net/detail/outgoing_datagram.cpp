// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <wring/net/detail/outgoing_datagram.hpp>

namespace wring::net::detail {

outgoing_datagram::outgoing_datagram(const datagram_parts& parts) noexcept {
  if (parts.to != nullptr) {
    message_.msg_name = const_cast<::sockaddr*>(parts.to->data());
    message_.msg_namelen = parts.to->size();
  }
  for (const std::span<const std::byte> part : parts.bytes.first(std::min(parts.bytes.size(), most_parts))) {
    vector_[message_.msg_iovlen++] = {const_cast<std::byte*>(part.data()), part.size()};
  }
  message_.msg_iov = vector_.data();
  if (parts.options != nullptr) add_options(*parts.options, parts.to != nullptr && parts.to->is_v4());
}

template <class T>
void outgoing_datagram::add(int level, int type, const T& value) noexcept {
  std::byte* const place = control_.data() + message_.msg_controllen;
  const ::cmsghdr head{.cmsg_len = CMSG_LEN(sizeof value), .cmsg_level = level, .cmsg_type = type};
  std::memset(place, 0, CMSG_SPACE(sizeof value));
  std::memcpy(place, &head, sizeof head);
  std::memcpy(place + CMSG_LEN(0), &value, sizeof value);
  message_.msg_control = control_.data();
  message_.msg_controllen += CMSG_SPACE(sizeof value);
}

void outgoing_datagram::add_options(const datagram_send_options& options, bool to_v4) noexcept {
  if (options.segment_size != 0) add(SOL_UDP, UDP_SEGMENT, options.segment_size);
  if (!options.source && options.interface_index == 0) return;
  const bool v4 = options.source ? options.source->unmapped().is_v4() : to_v4;
  if (v4) {
    ::in_pktinfo info{};
    info.ipi_ifindex = static_cast<int>(options.interface_index);
    if (options.source) std::memcpy(&info.ipi_spec_dst, options.source->unmapped().bytes().data(), 4);
    add(IPPROTO_IP, IP_PKTINFO, info);
  } else {
    ::in6_pktinfo info{};
    info.ipi6_ifindex = options.interface_index;
    if (options.source) {
      std::memcpy(&info.ipi6_addr, options.source->bytes().data(), 16);
      if (info.ipi6_ifindex == 0) info.ipi6_ifindex = options.source->scope_id();
    }
    add(IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

error send_error(std::int32_t sent, const socket_address& to, const datagram_parts& parts) noexcept {
  const error e = error::from_errno(-sent, "send to").with_address(to);
  switch (-sent) {
    case EMSGSIZE:
      if (parts.bytes.size() > outgoing_datagram::most_parts) {
        return e.with_count(parts.bytes.size()).with_detail("a datagram is sent from at most 16 spans");
      }
      return e.with_detail("at most 65,507 bytes fit into a datagram over IPv4, and the path may allow fewer");
    case EACCES:
      return e.with_detail("sending to a broadcast address needs udp_options::broadcast");
    case EIO:
      return e.with_detail("the interface cannot segment datagrams: send them one by one");
    case EINVAL:
      return parts.options != nullptr && parts.options->segment_size != 0
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
