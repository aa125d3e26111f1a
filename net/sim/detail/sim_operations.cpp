// SPDX-License-Identifier: MIT
// What operations do to the sockets of a simulation.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include <wring/net/sim/detail/sim_engine.hpp>

namespace wring::sim::detail {

namespace {

std::string_view text_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::int32_t sim_engine::connect(operation& op, socket& s) {
  constexpr std::uint8_t begun = 8;
  if (s.of_unix != nullptr) return connect_unix(s, *static_cast<const ::sockaddr*>(op.data), op.length);
  if (s.is == socket::nature::listener) return -EISCONN;
  if (s.datagrams != nullptr) {
    return connect_datagrams(s, net::socket_address::from_sockaddr(static_cast<const ::sockaddr*>(op.data), op.length));
  }
  if (s.end == nullptr) {
    const auto to = net::socket_address::from_sockaddr(static_cast<const ::sockaddr*>(op.data), op.length);
    if (!to.is_ip()) return -EAFNOSUPPORT;
    if (s.family == AF_INET && to.is_v6()) return -EAFNOSUPPORT;
    if (s.family == AF_INET6 && to.is_v4()) return -EINVAL;  // its address would be a mapped one
    if (!s.bound.empty() && s.bound.ip().unmapped().is_loopback() && !home_.has(to.unmapped().ip()) &&
        !to.ip().is_unspecified()) {
      return -EINVAL;
    }
    if (const int r = net_.begin_connect(s, to); r < 0) return r;
    // It may be gone already: nobody was there.
    if (s.end == nullptr) return -ECONNREFUSED;
  } else if ((op.queue & begun) == 0) {
    return s.end->is == endpoint::phase::connecting ? -EALREADY : -EISCONN;
  }
  if (s.end->fault != 0) return -std::exchange(s.end->fault, 0);
  if (s.end->is == endpoint::phase::established) return 0;
  return s.end->dead ? -ECONNABORTED : -EAGAIN;
}

std::int32_t sim_engine::accept(socket& s, accepted_address* told) {
  if (s.of_unix != nullptr) return accept_unix(s, told);
  if (s.datagrams != nullptr) return -EOPNOTSUPP;
  if (s.is != socket::nature::listener) return -EINVAL;
  if (s.accepted.empty()) return -EAGAIN;
  int fd = 0;
  socket* const taken = open(fd);
  if (taken == nullptr) return fd;
  taken->family = s.family;
  taken->send_limit = s.send_limit;
  taken->receive_limit = s.receive_limit;
  taken->options = s.options;
  taken->v6_only = s.v6_only;
  taken->lingers = s.lingers;
  taken->linger_seconds = s.linger_seconds;
  net_.accept(s, *taken);
  if (told != nullptr) {
    const net::socket_address peer = as_seen(taken->end->remote, s.family);
    std::memcpy(told->bytes.data(), peer.data(), peer.size());
    told->size = peer.size();
  }
  return fd;
}

std::int32_t sim_engine::attempt_accept(int fd) noexcept {
  socket* const s = find(fd);
  return s == nullptr ? no_socket(fd, "accept") : accept(*s, nullptr);
}

/// How many bytes can be received; 0: the end; -EAGAIN: none yet; or the fault, which is told with that.
std::int32_t sim_engine::receivable(socket& s) noexcept {
  if (s.is == socket::nature::signals) return not_simulated("read from a source of signals");
  if (s.of_unix != nullptr) return s.of_unix->receivable();
  if (s.is == socket::nature::listener) return -ENOTCONN;
  endpoint* const e = s.end;
  if (e == nullptr || e->is != endpoint::phase::established) {
    if (e != nullptr && e->fault != 0) return -std::exchange(e->fault, 0);
    if (s.read_shut) return 0;
    if (e == nullptr || e->is != endpoint::phase::connecting) return -ENOTCONN;
    return e->dead ? 0 : -EAGAIN;
  }
  if (!e->received.empty()) return static_cast<std::int32_t>(e->received.size());
  if (e->end_received) return 0;
  if (e->fault != 0) return -std::exchange(e->fault, 0);
  if (e->dead || e->read_shut || s.read_shut) return 0;
  return -EAGAIN;
}

std::int32_t sim_engine::receive(socket& s, std::span<std::byte> into, int flags) {
  if (s.datagrams != nullptr || s.of_unix != nullptr) {
    ::iovec part{into.data(), into.size()};
    ::msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    return receive_message(s, message, flags);
  }
  const std::int32_t there = receivable(s);
  if (there <= 0 || into.empty()) return std::min(there, 0);
  endpoint& e = *s.end;
  std::size_t count = e.received.peek(into);
  if (count > 1 && net_.happens(fault::partial_receive, net_.chances().partial_receive, home_)) {
    count = 1 + home_.fault_streams[static_cast<std::size_t>(fault::partial_receive)].below(count - 1);
  }
  if ((flags & MSG_PEEK) == 0) net_.took(e, count);
  return static_cast<std::int32_t>(count);
}

std::int32_t sim_engine::receive_message(socket& s, ::msghdr& message, int flags) {
  if (s.of_unix != nullptr) return receive_unix(s, message, flags);
  if (s.datagrams != nullptr) return receive_datagram(s, message, flags);
  std::int32_t sum = 0;
  for (std::size_t i = 0; i != message.msg_iovlen; ++i) {
    const ::iovec& part = message.msg_iov[i];
    const std::int32_t got = receive(s, {static_cast<std::byte*>(part.iov_base), part.iov_len}, flags);
    if (got < 0) return sum != 0 ? sum : got;
    sum += got;
    if (static_cast<std::size_t>(got) != part.iov_len || (flags & MSG_PEEK) != 0) break;
  }
  message.msg_namelen = 0;
  message.msg_controllen = 0;
  message.msg_flags = 0;
  return sum;
}

std::int32_t sim_engine::sendable(socket& s) noexcept {
  endpoint* const e = s.end;
  if (e == nullptr) return -EPIPE;
  if (e->fault != 0) return -std::exchange(e->fault, 0);
  if (e->dead || e->end_queued || s.write_shut) return -EPIPE;
  if (e->is != endpoint::phase::established) return -EAGAIN;
  const std::size_t room = e->room();
  return room == 0 ? -EAGAIN : static_cast<std::int32_t>(std::min(room, std::size_t{1} << 30));
}

std::int32_t sim_engine::send(socket& s, std::span<const std::byte> bytes) {
  if (s.datagrams != nullptr || s.of_unix != nullptr) {
    ::iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    ::msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    return send(s, message);
  }
  const std::int32_t room = sendable(s);
  if (bytes.empty() && room == -EAGAIN && s.end->is == endpoint::phase::established) return 0;
  if (room < 0 || bytes.empty()) return std::min(room, 0);
  std::size_t count = std::min(bytes.size(), static_cast<std::size_t>(room));
  if (count > 1 && net_.happens(fault::partial_send, net_.chances().partial_send, home_)) {
    count = 1 + home_.fault_streams[static_cast<std::size_t>(fault::partial_send)].below(count - 1);
  }
  net_.write(*s.end, text_of(bytes.first(count)));
  return static_cast<std::int32_t>(count);
}

std::int32_t sim_engine::send(socket& s, const ::msghdr& message) {
  if (s.of_unix != nullptr) return send_unix(s, message);
  if (s.datagrams != nullptr) return send_datagram(s, message);
  std::int32_t sum = 0;
  const std::span<const ::iovec> parts(message.msg_iov, message.msg_iovlen);
  if (std::ranges::all_of(parts, [](const ::iovec& part) { return part.iov_len == 0; })) {
    return send(s, std::span<const std::byte>());  // which may fail
  }
  for (const ::iovec& part : parts) {
    if (part.iov_len == 0) continue;
    const std::int32_t sent = send(s, {static_cast<const std::byte*>(part.iov_base), part.iov_len});
    if (sent < 0) return sum != 0 ? sum : sent;
    sum += sent;
    if (static_cast<std::size_t>(sent) != part.iov_len) break;
  }
  return sum;
}

std::int32_t sim_engine::attempt_send(int fd, std::span<const std::byte> bytes) noexcept {
  ::iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  ::msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return attempt_send(fd, message);
}

std::int32_t sim_engine::attempt_send(int fd, const ::msghdr& message) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "send");
  if (net_.happens(fault::no_room, net_.chances().no_room, home_)) return -EAGAIN;
  return send(*s, message);
}

std::int32_t sim_engine::attempt_send_to(int fd, std::span<const std::byte> bytes, const ::sockaddr* to,
                                         std::uint32_t to_size) noexcept {
  ::iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  ::msghdr message{};
  message.msg_name = const_cast<::sockaddr*>(to);
  message.msg_namelen = to_size;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return attempt_send(fd, message);
}

std::int32_t sim_engine::polled(const socket& s, std::uint32_t wanted) noexcept {
  std::uint32_t found = 0;
  const endpoint* const e = s.end;
  if (s.is == socket::nature::signals) {
    if (!s.pending.empty()) found = POLLIN | POLLRDNORM;
  } else if (s.of_unix != nullptr) {
    found = s.of_unix->polled();
  } else if (s.is == socket::nature::listener) {
    if (!s.accepted.empty()) found = POLLIN | POLLRDNORM;
  } else if (s.datagrams != nullptr) {
    found = POLLOUT | POLLWRNORM;
    if (!s.datagrams->queue.empty()) found |= POLLIN | POLLRDNORM;
    if (s.datagrams->fault != 0) found |= POLLERR;
    if (s.read_shut) found |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (s.read_shut && s.write_shut) found |= POLLHUP;
  } else if (e == nullptr) {
    found = POLLOUT | POLLWRNORM | POLLHUP;
    if (s.read_shut) found |= POLLIN | POLLRDNORM | POLLRDHUP;
  } else {
    const bool no_more = e->end_received || e->read_shut || e->dead || s.read_shut;
    const bool shut = e->end_queued || e->dead || s.write_shut;
    if (e->fault != 0) found |= POLLERR;
    if (no_more && shut) found |= POLLHUP;
    if (no_more) found |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (!e->received.empty()) found |= POLLIN | POLLRDNORM;
    if (shut || (e->is == endpoint::phase::established && e->room() != 0)) found |= POLLOUT | POLLWRNORM;
  }
  return static_cast<std::int32_t>(found & (wanted | POLLERR | POLLHUP));
}

}  // namespace wring::sim::detail
