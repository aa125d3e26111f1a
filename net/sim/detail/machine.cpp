// SPDX-License-Identifier: MIT
#include <wring/net/sim/detail/machine.hpp>

namespace wring::sim::detail {

namespace {

constexpr std::uint16_t first_port = 32'768;  // as Linux has it
constexpr std::uint16_t port_count = 28'232;
constexpr std::int64_t million = 1'000'000;

net::ip_address v4_of(std::uint32_t index) noexcept {
  const std::uint32_t n = index + 1;
  return net::ip_address(net::ip_address::v4_bytes{10, static_cast<unsigned char>(n >> 16),
                                                   static_cast<unsigned char>(n >> 8), static_cast<unsigned char>(n)});
}

net::ip_address v6_of(std::uint32_t index) noexcept {
  const std::uint32_t n = index + 1;
  net::ip_address::v6_bytes bytes{0xfd};
  bytes[13] = static_cast<unsigned char>(n >> 16);
  bytes[14] = static_cast<unsigned char>(n >> 8);
  bytes[15] = static_cast<unsigned char>(n);
  return net::ip_address(bytes);
}

bool overlap(const socket& a, const net::ip_address& b, bool b_v6_only) noexcept {
  const net::ip_address x = a.bound.ip();
  if (x.unmapped() == b.unmapped()) return true;
  const bool x_any = x.is_unspecified(), b_any = b.is_unspecified();
  if (!x_any && !b_any) return false;
  if (x.is_v4() == b.is_v4()) return true;
  // One of them is of IPv6: it takes the other family's too, if it is for any address.
  return x.is_v6() ? x_any && !a.v6_only : b_any && !b_v6_only;
}

}  // namespace

machine::machine(network& of, std::string called, std::uint32_t number, std::uint64_t seed)
    : in(of),
      name(std::move(called)),
      index(number),
      v4(v4_of(number)),
      v6(v6_of(number)),
      names_of_unix(static_cast<std::uint32_t>(random_stream(seed, name).split("unix").below(1 << 20))) {
  const random_stream own(seed, name);
  program_random = own.split("program");
  const random_stream of_faults = own.split("faults");
  for (std::size_t i = 0; i != faults; ++i) fault_streams[i] = of_faults.split(i);
  next_port_ = static_cast<std::uint16_t>(own.split("ports").below(port_count));
}

machine::~machine() = default;

std::int64_t machine::clock_at(std::int64_t world_time) const noexcept {
  return world_time + world_time / million * drift_ppm + world_time % million * drift_ppm / million;
}

std::int64_t machine::world_time_of(std::int64_t clock) const noexcept {
  if (drift_ppm == 0 || clock == never) return clock;
  std::int64_t t = clock - clock / (million + drift_ppm) * drift_ppm;
  while (clock_at(t) >= clock) t -= (clock_at(t) - clock) + 1;
  while (clock_at(t) < clock) ++t;
  return t;
}

net::ip_address machine::source_for(const net::ip_address& destination) const noexcept {
  if (destination.is_loopback()) return destination.is_v4() ? net::ip_address::loopback_v4 : destination;
  return destination.is_v4() ? v4 : v6;
}

socket* machine::listener_at(const net::socket_address& a) noexcept {
  socket* found = nullptr;
  for (socket* const s : bound) {
    if (s->is != socket::nature::listener || s->bound.port() != a.port()) continue;
    const net::ip_address at = s->bound.ip();
    if (at.unmapped() == a.ip()) return s;  // the one that names it goes first
    if (at.is_unspecified() && (at.is_v4() == a.is_v4() || (at.is_v6() && !s->v6_only))) {
      // Of several on one port, the one with the shortest queue.
      if (found == nullptr || s->accepted.size() < found->accepted.size()) found = s;
    }
  }
  return found;
}

// Sockets that share a port each have their senders.
socket* machine::receiver_of(const net::socket_address& to, const net::socket_address& from) noexcept {
  const auto draw = [&](const socket& s) {
    return random_stream(from.port(), from.ip().to_string()).split(static_cast<unsigned>(s.fd)).next();
  };
  socket* found = nullptr;
  int best = 0;
  for (socket* const s : bound) {
    if (s->datagrams == nullptr || s->bound.port() != to.port()) continue;
    const net::ip_address at = s->bound.ip();
    const bool named = at.unmapped() == to.ip();
    if (!named && !(at.is_unspecified() && (at.is_v4() == to.ip().is_v4() || (at.is_v6() && !s->v6_only)))) continue;
    const bool connected = !s->datagrams->peer.empty();
    if (connected && s->datagrams->peer != from) continue;
    const int score = 1 + (named ? 1 : 0) + (connected ? 2 : 0);
    if (score < best || (score == best && draw(*s) <= draw(*found))) continue;
    found = s;
    best = score;
  }
  return found;
}

bool machine::taken(const socket& s, const net::socket_address& a, bool listening) const noexcept {
  for (const socket* const other : bound) {
    if (other == &s || (other->datagrams == nullptr) != (s.datagrams == nullptr) || other->bound.port() != a.port() ||
        !overlap(*other, a.ip(), s.v6_only))
      continue;
    if (s.reuse_port && other->reuse_port) continue;
    if (s.reuse_address && other->reuse_address && !listening && other->is != socket::nature::listener) continue;
    return true;
  }
  return false;
}

std::uint16_t machine::free_port() noexcept {
  for (unsigned tries = 0; tries != port_count; ++tries) {
    const auto port = static_cast<std::uint16_t>(first_port + next_port_);
    next_port_ = static_cast<std::uint16_t>((next_port_ + 1) % port_count);
    if (!ports_.contains(port)) return port;
  }
  return 0;
}

}  // namespace wring::sim::detail
