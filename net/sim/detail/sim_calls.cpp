// SPDX-License-Identifier: MIT
// The control calls of the simulation, and what operations do to sockets.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include <fmt/format.h>

#include <wring/core/error.hpp>
#include <wring/core/log.hpp>
#include <wring/net/sim/detail/sim_engine.hpp>

namespace wring::sim::detail {

namespace {

// Which call, in the trace.
enum : int { call_socket, call_bind, call_listen, call_shutdown, call_close };

constexpr std::int64_t key(int level, int name) noexcept { return std::int64_t{level} << 32 | name; }

/// Writes as much as there is room for; the size of all.
int give(std::span<std::byte> into, const void* value, std::size_t size) noexcept {
  if (!into.empty()) std::memcpy(into.data(), value, std::min(into.size(), size));
  return static_cast<int>(size);
}

int give(std::span<std::byte> into, int value) noexcept { return give(into, &value, sizeof value); }

std::string_view text_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// As a socket of that family reports it.
net::socket_address as_seen(const net::socket_address& a, int family) noexcept {
  if (family != AF_INET6 || !a.is_v4()) return a;
  net::ip_address::v6_bytes mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const net::ip_address ip = a.ip();
  std::ranges::copy(ip.bytes(), mapped.begin() + 12);
  return {net::ip_address(mapped), a.port()};
}

bool is_kept(int level, int name) noexcept {
  switch (level) {
    case SOL_SOCKET:
      return name == SO_KEEPALIVE;
    case IPPROTO_TCP:
      return name == TCP_NODELAY || name == TCP_KEEPIDLE || name == TCP_KEEPINTVL || name == TCP_KEEPCNT ||
             name == TCP_MAXSEG || name == TCP_USER_TIMEOUT;
    default:
      return false;
  }
}

}  // namespace

int sim_engine::not_simulated(const char* call, std::int64_t which) const noexcept {
  log::error("this is not simulated, and has failed", {"call", call}, {"which", which}, {"host", home_.name});
  return -wring::detail::not_simulated_errno;
}

socket* sim_engine::find(int fd) const noexcept {
  const auto at = static_cast<std::size_t>(fd - first_descriptor);
  return fd >= first_descriptor && at < sockets_.size() ? sockets_[at].get() : nullptr;
}

int sim_engine::no_socket(int fd, const char* call) const noexcept {
  return fd < 0 || fd >= first_descriptor ? -EBADF : not_simulated(call, fd);
}

int sim_engine::called(int which, int fd, int result) noexcept {
  net_.record(home_, trace::kind::called, which, fd, result);
  return result;
}

socket* sim_engine::open(int& fd) noexcept {
  if (open_ >= home_.descriptor_limit) {
    fd = -EMFILE;
    return nullptr;
  }
  if (free_.empty()) {
    free_.push(first_descriptor + static_cast<int>(sockets_.size()));
    sockets_.emplace_back();
  }
  fd = free_.top();
  free_.pop();
  ++open_;
  auto& place = sockets_[static_cast<std::size_t>(fd - first_descriptor)];
  place = std::make_unique<socket>(*this, fd);
  return place.get();
}

int sim_engine::open_socket(int family, int type, int protocol) noexcept {
  if (family != AF_INET && family != AF_INET6) return not_simulated("socket of family", family);
  if (type != SOCK_STREAM || (protocol != 0 && protocol != IPPROTO_TCP)) return not_simulated("socket of type", type);
  int fd = 0;
  if (socket* const s = open(fd)) s->family = family;
  return called(call_socket, fd, fd);
}

int sim_engine::bind(int fd, const ::sockaddr& address, std::uint32_t size) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "bind");
  net::socket_address wanted = net::socket_address::from_sockaddr(&address, size);
  if (!wanted.is_ip() || wanted.family() != s->family) return -EAFNOSUPPORT;
  if (s->is != socket::nature::fresh || !s->bound.empty()) return -EINVAL;
  const net::ip_address ip = wanted.ip().unmapped();
  if (ip.is_link_local() && ip.is_v6() && ip.scope_id() == 0) return -EINVAL;
  if (!ip.is_unspecified() && !home_.has(ip)) return -EADDRNOTAVAIL;
  if (wanted.port() == 0) {
    const std::uint16_t port = home_.free_port();
    if (port == 0) return -EADDRINUSE;
    wanted = wanted.with_port(port);
  }
  if (home_.taken(*s, wanted, false)) return -EADDRINUSE;
  s->bound = wanted;
  home_.use_port(wanted.port());
  home_.bound.push_back(s);
  return called(call_bind, fd, 0);
}

int sim_engine::listen(int fd, int backlog) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "listen");
  if (s->is != socket::nature::fresh && s->is != socket::nature::listener) return -EINVAL;
  if (s->bound.empty()) {
    const std::uint16_t port = home_.free_port();
    if (port == 0) return -EADDRINUSE;
    s->bound = {s->family == AF_INET ? net::ip_address::any_v4 : net::ip_address::any_v6, port};
    home_.use_port(port);
    home_.bound.push_back(s);
  }
  if (home_.taken(*s, s->bound, true)) return -EADDRINUSE;
  s->is = socket::nature::listener;
  s->backlog = std::min(static_cast<std::size_t>(static_cast<unsigned>(backlog)), std::size_t{4096});
  return called(call_listen, fd, 0);
}

int sim_engine::set_option(int fd, int level, int name, std::span<const std::byte> value) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "setsockopt");
  if (level == IPPROTO_TCP && name == TCP_CONGESTION) return 0;  // there is none
  if (level == SOL_SOCKET && name == SO_LINGER) {
    ::linger l{};
    if (value.size() < sizeof l) return -EINVAL;
    std::memcpy(&l, value.data(), sizeof l);
    s->lingers = l.l_onoff != 0;
    s->linger_seconds = l.l_linger;
    return 0;
  }
  int number = 0;
  if (value.size() < sizeof number) return -EINVAL;
  std::memcpy(&number, value.data(), sizeof number);
  if (level == SOL_SOCKET && (name == SO_SNDBUF || name == SO_RCVBUF)) {
    // As Linux has it, with net.core.wmem_max as its default.
    const int doubled = std::clamp(number, 0, 212'992) * 2;
    (name == SO_SNDBUF ? s->send_limit : s->receive_limit) = std::max(doubled, name == SO_SNDBUF ? 4608 : 2304);
    if (s->end != nullptr)
      (name == SO_SNDBUF ? s->end->send_limit : s->end->receive_limit) =
          name == SO_SNDBUF ? s->send_limit : s->receive_limit;
    return 0;
  }
  if (level == SOL_SOCKET && name == SO_REUSEADDR) return s->reuse_address = number != 0, 0;
  if (level == SOL_SOCKET && name == SO_REUSEPORT) return s->reuse_port = number != 0, 0;
  if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY) return s->v6_only = number != 0, 0;
  if (!is_kept(level, name)) return not_simulated("setsockopt", key(level, name));
  if (level == IPPROTO_TCP) {
    const bool seconds = name == TCP_KEEPIDLE || name == TCP_KEEPINTVL;
    if (seconds && (number < 1 || number > 32'767)) return -EINVAL;
    if (name == TCP_KEEPCNT && (number < 1 || number > 127)) return -EINVAL;
  }
  std::erase_if(s->options, [&](const auto& o) { return o.first == key(level, name); });
  s->options.emplace_back(key(level, name), number);
  return 0;
}

int sim_engine::get_option(int fd, int level, int name, std::span<std::byte> value) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "getsockopt");
  if (level == SOL_SOCKET) {
    switch (name) {
      case SO_TYPE:
        return give(value, SOCK_STREAM);
      case SO_PROTOCOL:
        return give(value, IPPROTO_TCP);
      case SO_DOMAIN:
        return give(value, s->family);
      case SO_ACCEPTCONN:
        return give(value, s->is == socket::nature::listener ? 1 : 0);
      case SO_REUSEADDR:
        return give(value, s->reuse_address ? 1 : 0);
      case SO_REUSEPORT:
        return give(value, s->reuse_port ? 1 : 0);
      case SO_SNDBUF:
        return give(value, s->send_limit);
      case SO_RCVBUF:
        return give(value, s->receive_limit);
      case SO_ERROR:
        return give(value, s->end != nullptr ? std::exchange(s->end->fault, 0) : 0);
      case SO_LINGER: {
        const ::linger l{.l_onoff = s->lingers ? 1 : 0, .l_linger = s->linger_seconds};
        return give(value, &l, sizeof l);
      }
      case SO_PEERNAME: {
        if (s->end == nullptr) return -ENOTCONN;
        const net::socket_address a = as_seen(s->end->remote, s->family);
        return a.size() < value.size() ? -EINVAL : give(value, a.data(), a.size());
      }
      default:
        break;
    }
  }
  if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY) return give(value, s->v6_only ? 1 : 0);
  if (!is_kept(level, name)) return not_simulated("getsockopt", key(level, name));
  for (const auto& [which, number] : s->options) {
    if (which == key(level, name)) return give(value, number);
  }
  return give(value, 0);
}

int sim_engine::address_into(const socket& s, const net::socket_address& a, std::span<std::byte> into) const noexcept {
  const net::socket_address seen = as_seen(a, s.family);
  return give(into, seen.data(), seen.size());
}

int sim_engine::local_address(int fd, std::span<std::byte> into) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "getsockname");
  if (s->end != nullptr) return address_into(*s, s->end->local, into);
  if (!s->bound.empty()) return address_into(*s, s->bound, into);
  return address_into(*s, {s->family == AF_INET ? net::ip_address::any_v4 : net::ip_address::any_v6, 0}, into);
}

int sim_engine::peer_address(int fd, std::span<std::byte> into) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "getpeername");
  if (s->end == nullptr || s->end->dead || s->end->is != endpoint::phase::established) return -ENOTCONN;
  return address_into(*s, s->end->remote, into);
}

int sim_engine::shut_down_socket(int fd, int how) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "shutdown");
  endpoint* const e = s->end;
  if (e == nullptr || e->dead || e->is != endpoint::phase::established) return called(call_shutdown, fd, -ENOTCONN);
  if (how != SHUT_WR) e->read_shut = true;
  if (how != SHUT_RD) net_.shut_down_writing(*e);
  changed(*s);
  return called(call_shutdown, fd, 0);
}

int sim_engine::make_blocking(int fd) noexcept { return find(fd) != nullptr ? 0 : no_socket(fd, "fcntl"); }

int sim_engine::open_signal_source(const ::sigset_t& signals) noexcept {
  int fd = 0;
  if (socket* const s = open(fd)) {
    s->is = socket::nature::signals;
    s->signals = signals;
  }
  return fd;
}

int sim_engine::next_signal(int fd) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "read from a signalfd");
  if (s->pending.empty()) return -EAGAIN;
  const int number = s->pending.front();
  s->pending.pop_front();
  return number;
}

bool sim_engine::raise(int signal) {
  for (const auto& s : sockets_) {
    if (s == nullptr || s->is != socket::nature::signals || ::sigismember(&s->signals, signal) != 1) continue;
    if (std::ranges::find(s->pending, signal) == s->pending.end()) s->pending.push_back(signal);
    changed(*s);
    return true;
  }
  return false;
}

void sim_engine::close_descriptor(int fd) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) {
    if (no_socket(fd, "close") == -EBADF) log::error("a descriptor that is not open was closed", {"descriptor", fd});
    return;
  }
  if (s->is == socket::nature::listener) net_.close_listener(*s);
  if (s->end != nullptr) net_.close(*s->end, s->lingers && s->linger_seconds == 0);
  if (!s->bound.empty()) {
    home_.release_port(s->bound.port());
    std::erase(home_.bound, s);
  }
  called(call_close, fd, 0);
  sockets_[static_cast<std::size_t>(fd - first_descriptor)].reset();
  free_.push(fd);
  --open_;
}

engine::descriptors sim_engine::open_descriptors() const {
  descriptors all{.numbers_of = this, .all = {}};
  for (std::size_t i = 0; i != sockets_.size(); ++i) {
    const socket* const s = sockets_[i].get();
    if (s == nullptr) continue;
    std::string what = s->is == socket::nature::signals ? "signals"
                       : s->end != nullptr
                           ? fmt::format("{}, to {}", s->end->local.to_string(), s->end->remote.to_string())
                           : fmt::format("{}", s->bound.to_string());
    all.all.emplace_back(first_descriptor + static_cast<int>(i), std::move(what));
  }
  return all;
}

// What operations do.

std::int32_t sim_engine::connect(operation& op, socket& s) {
  constexpr std::uint8_t begun = 8;
  if (s.is == socket::nature::listener) return -EISCONN;
  if (s.end == nullptr) {
    const auto to = net::socket_address::from_sockaddr(static_cast<const ::sockaddr*>(op.data), op.length);
    if (!to.is_ip()) return -EAFNOSUPPORT;
    if (s.family == AF_INET && to.is_v6()) return -EAFNOSUPPORT;
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
  if (s.is != socket::nature::listener) return -EINVAL;
  if (s.accepted.empty()) return -EAGAIN;
  int fd = 0;
  socket* const taken = open(fd);
  if (taken == nullptr) return fd;
  taken->family = s.family;
  taken->send_limit = s.send_limit;
  taken->receive_limit = s.receive_limit;
  taken->options = s.options;
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
  endpoint* const e = s.end;
  if (e == nullptr || e->is != endpoint::phase::established) {
    if (e != nullptr && e->fault != 0) return -std::exchange(e->fault, 0);
    return e != nullptr && e->is == endpoint::phase::connecting && !e->dead ? -EAGAIN : -ENOTCONN;
  }
  if (!e->received.empty()) return static_cast<std::int32_t>(e->received.size());
  if (e->end_received) return 0;
  if (e->fault != 0) return -std::exchange(e->fault, 0);
  if (e->dead || e->read_shut) return 0;
  return -EAGAIN;
}

std::int32_t sim_engine::receive(socket& s, std::span<std::byte> into, int flags) {
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
  if (e == nullptr) return s.is == socket::nature::fresh ? -EPIPE : -ENOTCONN;
  if (e->fault != 0) return -std::exchange(e->fault, 0);
  if (e->dead || e->end_queued) return -EPIPE;
  if (e->is != endpoint::phase::established) return -EAGAIN;
  const std::size_t room = e->room();
  return room == 0 ? -EAGAIN : static_cast<std::int32_t>(std::min(room, std::size_t{1} << 30));
}

std::int32_t sim_engine::send(socket& s, std::span<const std::byte> bytes) {
  const std::int32_t room = sendable(s);
  if (room < 0 || bytes.empty()) return std::min(room, 0);
  std::size_t count = std::min(bytes.size(), static_cast<std::size_t>(room));
  if (count > 1 && net_.happens(fault::partial_send, net_.chances().partial_send, home_)) {
    count = 1 + home_.fault_streams[static_cast<std::size_t>(fault::partial_send)].below(count - 1);
  }
  net_.write(*s.end, text_of(bytes.first(count)));
  return static_cast<std::int32_t>(count);
}

std::int32_t sim_engine::send(socket& s, const ::msghdr& message) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i != message.msg_iovlen; ++i) {
    const ::iovec& part = message.msg_iov[i];
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

std::int32_t sim_engine::polled(const socket& s, std::uint32_t wanted) noexcept {
  std::uint32_t found = 0;
  const endpoint* const e = s.end;
  if (s.is == socket::nature::signals) {
    if (!s.pending.empty()) found = POLLIN | POLLRDNORM;
  } else if (s.is == socket::nature::listener) {
    if (!s.accepted.empty()) found = POLLIN | POLLRDNORM;
  } else if (e == nullptr) {
    found = POLLOUT | POLLWRNORM | POLLHUP;
  } else {
    const bool no_more = e->end_received || e->read_shut || e->dead;
    const bool shut = e->end_queued || e->dead;
    if (e->fault != 0) found |= POLLERR;
    if (no_more && shut) found |= POLLHUP;
    if (no_more) found |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (!e->received.empty()) found |= POLLIN | POLLRDNORM;
    if (shut || (e->is == endpoint::phase::established && e->room() != 0)) found |= POLLOUT | POLLWRNORM;
  }
  return static_cast<std::int32_t>(found & (wanted | POLLERR | POLLHUP));
}

}  // namespace wring::sim::detail
