// SPDX-License-Identifier: MIT
// What operations do to the sockets for datagrams of a simulation.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <utility>

#include <wring/core/engine/message_buffers.hpp>
#include <wring/net/sim/detail/sim_engine.hpp>

namespace wring::sim::detail {

namespace {

constexpr std::size_t most_over_v4 = 65'507;
constexpr std::size_t most_over_v6 = 65'527;
constexpr std::size_t most_segments = 64;
constexpr int loopback_interface = 1;
constexpr int other_interface = 2;

/// What the sender asks for in control data.
struct asked {
  std::size_t segment = 0;
  std::optional<net::ip_address> source;
};

asked asked_by(const ::msghdr& message) noexcept {
  asked found;
  auto& whole = const_cast<::msghdr&>(message);
  for (::cmsghdr* c = CMSG_FIRSTHDR(&whole); c != nullptr; c = CMSG_NXTHDR(&whole, c)) {
    if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_SEGMENT) {
      std::uint16_t size = 0;
      std::memcpy(&size, CMSG_DATA(c), sizeof size);
      found.segment = size;
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      ::in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      net::ip_address::v4_bytes bytes;
      std::memcpy(bytes.data(), &info.ipi_spec_dst, bytes.size());
      found.source = net::ip_address(bytes);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      ::in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      net::ip_address::v6_bytes bytes;
      std::memcpy(bytes.data(), &info.ipi6_addr, bytes.size());
      found.source = net::ip_address(bytes).unmapped();
    }
  }
  if (found.source && found.source->is_unspecified()) found.source.reset();
  return found;
}

template <class T>
void put_control(::msghdr& message, std::size_t room, int level, int type, const T& value) noexcept {
  if (room < CMSG_LEN(sizeof value)) {
    message.msg_flags |= MSG_CTRUNC;
    return;
  }
  auto* const place = static_cast<std::byte*>(message.msg_control);
  const ::cmsghdr head{.cmsg_len = CMSG_LEN(sizeof value), .cmsg_level = level, .cmsg_type = type};
  std::memcpy(place, &head, sizeof head);
  std::memcpy(place + CMSG_LEN(0), &value, sizeof value);
  message.msg_controllen = std::min(room, CMSG_SPACE(sizeof value));
}

/// Where it was sent to, if the socket is to say so.
void put_destination(::msghdr& message, std::size_t room, const socket& s, const net::ip_address& to) noexcept {
  const int interface = to.is_loopback() ? loopback_interface : other_interface;
  if (s.family == AF_INET6 && s.option(IPPROTO_IPV6, IPV6_RECVPKTINFO) != 0) {
    ::in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, as_seen({to, 0}, AF_INET6).ip().bytes().data(), sizeof info.ipi6_addr);
    info.ipi6_ifindex = static_cast<unsigned>(interface);
    put_control(message, room, IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else if (s.family == AF_INET && s.option(IPPROTO_IP, IP_PKTINFO) != 0) {
    ::in_pktinfo info{};
    std::memcpy(&info.ipi_addr, to.bytes().data(), sizeof info.ipi_addr);
    info.ipi_spec_dst = info.ipi_addr;
    info.ipi_ifindex = interface;
    put_control(message, room, IPPROTO_IP, IP_PKTINFO, info);
  }
}

}  // namespace

int sim_engine::bind_to_any(socket& s) noexcept {
  const std::uint16_t port = home_.free_port();
  if (port == 0) return -EADDRINUSE;
  s.bound = {s.family == AF_INET ? net::ip_address::any_v4 : net::ip_address::any_v6, port};
  home_.use_port(port);
  home_.bound.push_back(&s);
  return 0;
}

std::int32_t sim_engine::destination_of(const socket& s, net::socket_address& to) const noexcept {
  if (!to.is_ip() || (s.family == AF_INET && to.is_v6())) return -EAFNOSUPPORT;
  to = to.unmapped();
  if (s.family == AF_INET6 && to.is_v4()) {
    const bool v6_only = s.v6_only || (!s.bound.empty() && s.bound.ip().is_v6() && !s.bound.ip().is_unspecified() &&
                                       s.bound.ip().unmapped().is_v6());
    if (v6_only) return -ENETUNREACH;
  }
  if (to.ip().is_unspecified()) {
    to = net::socket_address(to.is_v4() ? net::ip_address::loopback_v4 : net::ip_address::loopback_v6, to.port());
  }
  if (to.ip().is_multicast()) return not_simulated("send to a multicast group");
  if (to.ip() == net::ip_address(net::ip_address::v4_bytes{255, 255, 255, 255})) {
    return s.option(SOL_SOCKET, SO_BROADCAST) == 0 ? -EACCES : not_simulated("broadcast");
  }
  return 0;
}

std::int32_t sim_engine::connect_datagrams(socket& s, net::socket_address to) {
  if (const std::int32_t r = destination_of(s, to); r < 0) return r;
  if (s.bound.empty()) {
    if (const int r = bind_to_any(s); r < 0) return r;
  }
  if (s.bound.ip().is_unspecified()) {
    s.bound = as_seen({home_.source_for(to.ip()), s.bound.port()}, s.family);
  } else if (s.bound.ip().unmapped().is_loopback() && !home_.has(to.ip())) {
    return -EINVAL;
  }
  s.datagrams->peer = to;
  return 0;
}

std::int32_t sim_engine::send_datagram(socket& s, const ::msghdr& message) {
  datagram_end& end = *s.datagrams;
  if (s.bound.empty()) {
    if (const int r = bind_to_any(s); r < 0) return r;
  }
  net::socket_address to = end.peer;
  if (message.msg_name != nullptr && message.msg_namelen != 0) {
    to = net::socket_address::from_sockaddr(static_cast<const ::sockaddr*>(message.msg_name), message.msg_namelen);
  } else if (to.empty()) {
    return -EDESTADDRREQ;
  }
  std::string bytes;
  for (std::size_t i = 0; i != message.msg_iovlen; ++i) {
    bytes.append(static_cast<const char*>(message.msg_iov[i].iov_base), message.msg_iov[i].iov_len);
  }
  const asked how = asked_by(message);
  if (bytes.size() > most_over_v6) return -EMSGSIZE;
  if (const std::int32_t r = destination_of(s, to); r < 0) return r;
  if (to.port() == 0) return -EINVAL;
  if (bytes.size() > (to.is_v4() ? most_over_v4 : most_over_v6)) return -EMSGSIZE;
  if (how.segment != 0 && bytes.size() > how.segment * most_segments) return -EINVAL;
  net::ip_address source = s.bound.ip().unmapped();
  if (source.is_unspecified()) source = how.source ? *how.source : home_.source_for(to.ip());
  if (source.is_loopback() && !home_.has(to.ip())) return -EINVAL;
  if (end.fault != 0) return -std::exchange(end.fault, 0);
  if (s.write_shut) return -EPIPE;
  const net::socket_address from(source, s.bound.port());
  const std::size_t segment = how.segment != 0 ? how.segment : std::max<std::size_t>(bytes.size(), 1);
  std::size_t at = 0;
  do {
    net_.send_datagram(home_, from, to, std::string_view(bytes).substr(at, segment));
    at += segment;
  } while (at < bytes.size());
  return static_cast<std::int32_t>(bytes.size());
}

std::int32_t sim_engine::receive_datagram(socket& s, ::msghdr& into, int flags) {
  datagram_end& end = *s.datagrams;
  if (end.fault != 0) return -std::exchange(end.fault, 0);
  if (end.queue.empty()) return -EAGAIN;
  const datagram_end::arrived& first = end.queue.front();
  std::size_t copied = 0;
  for (std::size_t i = 0; i != into.msg_iovlen && copied != first.bytes.size(); ++i) {
    const std::size_t count = std::min(into.msg_iov[i].iov_len, first.bytes.size() - copied);
    std::memcpy(into.msg_iov[i].iov_base, first.bytes.data() + copied, count);
    copied += count;
  }
  into.msg_flags = copied != first.bytes.size() ? MSG_TRUNC : 0;
  if (into.msg_name != nullptr) {
    const net::socket_address from = as_seen(first.from, s.family);
    std::memcpy(into.msg_name, from.data(), std::min<std::size_t>(into.msg_namelen, from.size()));
    into.msg_namelen = from.size();
  }
  const std::size_t room = std::exchange(into.msg_controllen, 0);
  put_destination(into, room, s, first.to);
  const std::size_t result = (flags & MSG_TRUNC) != 0 ? first.bytes.size() : copied;
  if ((flags & MSG_PEEK) == 0) network::drop_datagram(s);
  return static_cast<std::int32_t>(result);
}

std::int32_t sim_engine::has_datagram(socket& s) noexcept {
  if (s.of_unix != nullptr) return std::min(s.of_unix->receivable(), 1);
  if (s.datagrams->fault != 0) return -std::exchange(s.datagrams->fault, 0);
  return s.datagrams->queue.empty() ? -EAGAIN : 1;
}

// As io_uring does, it ends with a message without bytes.
bool sim_engine::receive_messages(operation& op, socket& s) {
  if (s.datagrams == nullptr && (s.of_unix == nullptr || !s.of_unix->datagrams)) {
    finish(op, completion(not_simulated(to_string(op.code))));
    return true;
  }
  auto& buffers = *static_cast<message_buffers*>(op.data);
  const std::int32_t there = has_datagram(s);
  if (there == -EAGAIN && op.status != operation::state::cancelling) {
    wait(op, s);
    return false;
  }
  if (there < 0) {
    finish(op, completion(there == -EAGAIN ? -ECANCELED : there));
    return true;
  }
  std::uint32_t id = 0;
  if (!buffers.pool().acquire(id)) {
    finish(op, completion(-ENOBUFS));
    return true;
  }
  const std::span<std::byte> memory = buffers.pool().memory(id);
  std::byte* const source = memory.data() + sizeof(message_buffers::header);
  const std::span<std::byte> payload = memory.subspan(buffers.payload_offset());
  ::iovec part{payload.data(), payload.size()};
  ::msghdr message{};
  message.msg_name = source;
  message.msg_namelen = message_buffers::source_room;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = source + message_buffers::source_room;
  message.msg_controllen = buffers.control_room();
  const std::int32_t size = receive_message(s, message, static_cast<int>(op.flags));
  const message_buffers::header head{.source_size = message.msg_namelen,
                                     .control_size = static_cast<std::uint32_t>(message.msg_controllen),
                                     .payload_size = static_cast<std::uint32_t>(size),
                                     .flags = static_cast<std::uint32_t>(message.msg_flags)};
  std::memcpy(memory.data(), &head, sizeof head);
  buffers.pool().filled(id);
  const auto result =
      static_cast<std::int32_t>(buffers.payload_offset() + std::min(payload.size(), static_cast<std::size_t>(size)));
  if (size == 0 || net_.happens(fault::early_end, net_.chances().early_end, home_)) {
    finish(op, completion(result, completion::in_buffer(id)));
  } else {
    deliver_more(op, completion(result, completion::more_follow | completion::in_buffer(id)));
  }
  return true;
}

}  // namespace wring::sim::detail
