// SPDX-License-Identifier: MIT
// The control calls of the simulation.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <utility>

#include <fmt/format.h>

#include <wring/core/error.hpp>
#include <wring/core/log.hpp>
#include <wring/net/sim/detail/sim_engine.hpp>

namespace wring::sim::detail {

namespace {

/// Writes as much as there is room for; the size of all.
int give(std::span<std::byte> into, const void* value, std::size_t size) noexcept {
  if (!into.empty()) std::memcpy(into.data(), value, std::min(into.size(), size));
  return static_cast<int>(size);
}

int give(std::span<std::byte> into, int value) noexcept { return give(into, &value, sizeof value); }

bool is_kept(int level, int name) noexcept {
  switch (level) {
    case SOL_SOCKET:
      return name == SO_KEEPALIVE || name == SO_BROADCAST;
    case IPPROTO_IP:
      return name == IP_PKTINFO;
    case IPPROTO_IPV6:
      return name == IPV6_RECVPKTINFO;
    case IPPROTO_UDP:
      return name == UDP_GRO;  // never joined
    case IPPROTO_TCP:
      return name == TCP_NODELAY || name == TCP_KEEPIDLE || name == TCP_KEEPINTVL || name == TCP_KEEPCNT ||
             name == TCP_MAXSEG || name == TCP_USER_TIMEOUT;
    default:
      return false;
  }
}

/// What an option is before it is set.
int default_of(int level, int name) noexcept {
  if (level != IPPROTO_TCP) return 0;
  switch (name) {
    case TCP_KEEPIDLE:
      return 7200;
    case TCP_KEEPINTVL:
      return 75;
    case TCP_KEEPCNT:
      return 9;
    default:
      return 0;
  }
}

/// One of SOL_SOCKET that can only be asked for.
bool is_read_only(int name) noexcept {
  return name == SO_ERROR || name == SO_TYPE || name == SO_ACCEPTCONN || name == SO_PROTOCOL || name == SO_DOMAIN;
}

}  // namespace

net::socket_address as_seen(const net::socket_address& a, int family) noexcept {
  if (family != AF_INET6 || !a.is_v4()) return a;
  net::ip_address::v6_bytes mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const net::ip_address ip = a.ip();
  std::ranges::copy(ip.bytes(), mapped.begin() + 12);
  return {net::ip_address(mapped), a.port()};
}

int sim_engine::not_simulated(const char* call, std::int64_t which) const noexcept {
  log::error("this is not simulated, and has failed", {"call", call}, {"which", which});
  return -wring::detail::not_simulated_errno;
}

socket* sim_engine::find(int fd) const noexcept {
  const auto at = static_cast<std::size_t>(fd - first_descriptor);
  return fd >= first_descriptor && at < sockets_.size() ? sockets_[at].get() : nullptr;
}

int sim_engine::no_socket(int fd, const char* call) const noexcept {
  return fd < 0 || fd >= first_descriptor ? -EBADF : not_simulated(call, fd);
}

int sim_engine::called(trace::call which, int fd, int result) noexcept {
  net_.record(home_, trace::kind::called, static_cast<std::int64_t>(which), fd, result);
  return result;
}

int sim_engine::number(std::shared_ptr<socket> s) noexcept {
  if (open_ >= home_.descriptor_limit) return -EMFILE;
  if (free_.empty()) {
    free_.push(first_descriptor + static_cast<int>(sockets_.size()));
    sockets_.emplace_back();
  }
  const int fd = free_.top();
  free_.pop();
  ++open_;
  sockets_[static_cast<std::size_t>(fd - first_descriptor)] = std::move(s);
  return fd;
}

socket* sim_engine::open(int& fd) noexcept {
  fd = number(nullptr);
  if (fd < 0) return nullptr;
  std::shared_ptr<socket>& place = sockets_[static_cast<std::size_t>(fd - first_descriptor)];
  // Others may have it, too, where it is passed on: it ends with the last of them.
  place = {new socket(*this, fd), [this](socket* s) {
             end(*s);
             delete s;
           }};
  return place.get();
}

int sim_engine::open_socket(int family, int type, int protocol) noexcept {
  if (family == AF_UNIX) return open_unix(type, protocol);
  if (family != AF_INET && family != AF_INET6) return not_simulated("socket of family", family);
  const bool datagrams = type == SOCK_DGRAM;
  if (!datagrams && type != SOCK_STREAM) return not_simulated("socket of type", type);
  if (protocol != 0 && protocol != (datagrams ? IPPROTO_UDP : IPPROTO_TCP)) return -EPROTONOSUPPORT;
  int fd = 0;
  if (socket* const s = open(fd)) {
    s->family = family;
    if (datagrams) {
      s->is = socket::nature::datagrams;
      s->datagrams = std::make_unique<datagram_end>();
      s->send_limit = s->receive_limit = 212'992;  // net.core.rmem_default
    }
  }
  return note_opened(fd);
}

int sim_engine::note_opened(int fd) noexcept { return called(trace::call::socket, fd, fd); }

int sim_engine::bind(int fd, const ::sockaddr& address, std::uint32_t size) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "bind");
  if (s->of_unix != nullptr) return called(trace::call::bind, fd, bind_unix(*s, address, size));
  net::socket_address wanted = net::socket_address::from_sockaddr(&address, size);
  if (s->family == AF_INET6 && wanted.is_v4()) return -EINVAL;  // too short
  if (!wanted.is_ip() || wanted.family() != s->family) return -EAFNOSUPPORT;
  const bool cannot = (s->is != socket::nature::fresh && s->datagrams == nullptr) || !s->bound.empty();
  if (s->family == AF_INET6 && cannot) return -EINVAL;  // of IPv4 only where the address is right
  const net::ip_address ip = wanted.ip().unmapped();
  if (ip.is_link_local() && ip.is_v6() && ip.scope_id() == 0) return -EINVAL;
  if (!ip.is_unspecified() && !home_.has(ip)) return -EADDRNOTAVAIL;
  if (cannot) return -EINVAL;
  if (wanted.port() == 0) {
    const std::uint16_t port = home_.free_port();
    if (port == 0) return -EADDRINUSE;
    wanted = wanted.with_port(port);
  }
  if (home_.taken(*s, wanted, false)) return -EADDRINUSE;
  s->bound = wanted;
  if (ip.is_v6() && !ip.is_unspecified()) s->v6_only = true;
  home_.use_port(wanted.port());
  home_.bound.push_back(s);
  return called(trace::call::bind, fd, 0);
}

int sim_engine::listen(int fd, int backlog) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "listen");
  if (s->of_unix != nullptr) return called(trace::call::listen, fd, s->of_unix->listen(backlog));
  if (s->datagrams != nullptr) return -EOPNOTSUPP;
  if (s->is != socket::nature::fresh && s->is != socket::nature::listener) return -EINVAL;
  if (s->bound.empty()) {
    if (const int r = bind_to_any(*s); r < 0) return r;
  }
  if (home_.taken(*s, s->bound, true)) return -EADDRINUSE;
  s->is = socket::nature::listener;
  s->backlog = std::min(static_cast<std::size_t>(static_cast<unsigned>(backlog)), std::size_t{4096});
  return called(trace::call::listen, fd, 0);
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
  if (s->of_unix != nullptr && level != SOL_SOCKET) return -EOPNOTSUPP;
  if ((level == SOL_SOCKET && is_read_only(name)) || !s->has_level(level)) return -ENOPROTOOPT;
  int number = 0;
  if (value.size() < sizeof number) return -EINVAL;
  std::memcpy(&number, value.data(), sizeof number);
  if (level == SOL_SOCKET && (name == SO_SNDBUF || name == SO_RCVBUF)) {
    // As Linux has it, with net.core.wmem_max as its default.
    const int doubled = std::clamp(number, 0, 212'992) * 2;
    (name == SO_SNDBUF ? s->send_limit : s->receive_limit) = std::max(doubled, name == SO_SNDBUF ? 4608 : 2304);
    if (s->of_unix != nullptr) s->of_unix->send_limit = s->send_limit;
    if (s->end != nullptr)
      (name == SO_SNDBUF ? s->end->send_limit : s->end->receive_limit) =
          name == SO_SNDBUF ? s->send_limit : s->receive_limit;
    return 0;
  }
  if (s->of_unix != nullptr && (name == SO_PASSCRED || name == SO_REUSEPORT)) {
    return set_unix_option(*s, level, name, number);
  }
  if (level == SOL_SOCKET && name == SO_REUSEADDR) return s->reuse_address = number != 0, 0;
  if (level == SOL_SOCKET && name == SO_REUSEPORT) return s->reuse_port = number != 0, 0;
  if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY) {
    const bool has_port = !s->bound.empty() || (s->end != nullptr && s->end->is_connected());
    if (has_port) return -EINVAL;
    return s->v6_only = number != 0, 0;
  }
  if (!is_kept(level, name)) return not_simulated("setsockopt", socket::option_key(level, name));
  if (level == IPPROTO_TCP) {
    const bool seconds = name == TCP_KEEPIDLE || name == TCP_KEEPINTVL;
    if (seconds && (number < 1 || number > 32'767)) return -EINVAL;
    if (name == TCP_KEEPCNT && (number < 1 || number > 127)) return -EINVAL;
  }
  const bool is_flag = level != IPPROTO_TCP || name == TCP_NODELAY;
  if (is_flag) number = number != 0;
  std::erase_if(s->options, [&](const auto& o) { return o.first == socket::option_key(level, name); });
  s->options.emplace_back(socket::option_key(level, name), number);
  return 0;
}

int sim_engine::get_option(int fd, int level, int name, std::span<std::byte> value) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "getsockopt");
  if (!s->has_level(level)) return s->family == AF_INET6 ? -ENOPROTOOPT : -EOPNOTSUPP;
  if (s->of_unix != nullptr) {
    if (const std::optional<int> r = unix_option(*s, name, value)) return *r;
  }
  if (level == SOL_SOCKET) {
    switch (name) {
      case SO_TYPE:
        return give(value, s->datagrams != nullptr ? SOCK_DGRAM : SOCK_STREAM);
      case SO_PROTOCOL:
        return give(value, s->datagrams != nullptr ? IPPROTO_UDP : IPPROTO_TCP);
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
        if (s->datagrams != nullptr) return give(value, std::exchange(s->datagrams->fault, 0));
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
  if (!is_kept(level, name)) return not_simulated("getsockopt", socket::option_key(level, name));
  return give(value, s->option(level, name, default_of(level, name)));
}

int sim_engine::address_into(const socket& s, const net::socket_address& a, std::span<std::byte> into) const noexcept {
  const net::socket_address seen = a.empty() ? unnamed_unix() : as_seen(a, s.family);
  return give(into, seen.data(), seen.size());
}

int sim_engine::local_address(int fd, std::span<std::byte> into) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "getsockname");
  if (s->of_unix != nullptr) return address_into(*s, *s->of_unix->name, into);
  if (s->end != nullptr) return address_into(*s, s->end->local, into);
  if (!s->bound.empty()) return address_into(*s, s->bound, into);
  return address_into(*s, {s->family == AF_INET ? net::ip_address::any_v4 : net::ip_address::any_v6, 0}, into);
}

int sim_engine::peer_address(int fd, std::span<std::byte> into) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "getpeername");
  if (s->of_unix != nullptr) {
    return s->of_unix->connected ? address_into(*s, *s->of_unix->peer_name, into) : -ENOTCONN;
  }
  if (s->datagrams != nullptr) {
    return s->datagrams->peer.empty() ? -ENOTCONN : address_into(*s, s->datagrams->peer, into);
  }
  if (s->end == nullptr || !s->end->is_connected()) return -ENOTCONN;
  return address_into(*s, s->end->remote, into);
}

int sim_engine::shut_down_socket(int fd, int how) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "shutdown");
  if (how < SHUT_RD || how > SHUT_RDWR) return -EINVAL;
  const bool reads = how != SHUT_WR, writes = how != SHUT_RD;
  if (s->of_unix != nullptr) {
    const int result = s->of_unix->shut_down(reads, writes);
    changed(*s);
    return called(trace::call::shutdown, fd, result);
  }
  if (s->is == socket::nature::listener && reads) return not_simulated("shutdown of a listener");
  int result = 0;
  if (s->is == socket::nature::listener) {
    // Nothing happens.
  } else if (endpoint* const e = s->end; e != nullptr && e->is_connected()) {
    if (reads) e->read_shut = true;
    if (writes) net_.shut_down_writing(*e);
  } else {
    // Linux says that it is not connected, and shuts it all the same.
    s->read_shut |= reads;
    s->write_shut |= writes;
    if (s->datagrams == nullptr || s->datagrams->peer.empty()) result = -ENOTCONN;
  }
  changed(*s);
  return called(trace::call::shutdown, fd, result);
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
    if (no_socket(fd, "close") == -EBADF) {
      net_.note_misuse(home_, fmt::format("descriptor {} is closed, and is not open", fd));
    }
    return;
  }
  end_uses(*s, fd);
  sockets_[static_cast<std::size_t>(fd - first_descriptor)].reset();
  called(trace::call::close, fd, 0);
  free_.push(fd);
  --open_;
}

// Nobody has it open any more.
void sim_engine::end(socket& s) noexcept {
  if (s.of_unix != nullptr) {
    home_.names_of_unix.release(*s.of_unix);
    s.of_unix->close();
  }
  if (s.is == socket::nature::listener) net_.close_listener(s);
  if (s.end != nullptr) net_.close(*s.end, s.lingers && s.linger_seconds == 0);
  if (!s.bound.empty()) {
    home_.release_port(s.bound.port());
    std::erase(home_.bound, &s);
  }
}

engine::descriptors sim_engine::open_descriptors() const {
  descriptors all{.numbers_of = this, .all = {}};
  for (std::size_t i = 0; i != sockets_.size(); ++i) {
    const socket* const s = sockets_[i].get();
    if (s == nullptr) continue;
    std::string what =
        s->is == socket::nature::signals ? "signals"
        : s->of_unix != nullptr          ? (s->of_unix->name->empty() ? unnamed_unix() : *s->of_unix->name).to_string()
        : s->end != nullptr ? fmt::format("{}, to {}", s->end->local.to_string(), s->end->remote.to_string())
                            : fmt::format("{}", s->bound.to_string());
    all.all.emplace_back(first_descriptor + static_cast<int>(i), std::move(what));
  }
  return all;
}

}  // namespace wring::sim::detail
