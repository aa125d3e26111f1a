// SPDX-License-Identifier: MIT
// The network's TCP. What arrives when is decided as it is sent; what is lost is late. On one host all is at once.
#include <algorithm>
#include <cerrno>
#include <utility>

#include <wring/core/detail/saturating.hpp>
#include <wring/net/sim/detail/network.hpp>

namespace wring::sim::detail {

using wring::detail::time_after;

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t first_retry = second / 5;  // of what is sent
constexpr std::int64_t longest_retry = 120 * second;
constexpr unsigned most_retries = 15;         // net.ipv4.tcp_retries2
constexpr unsigned most_connect_retries = 6;  // net.ipv4.tcp_syn_retries
constexpr std::size_t most_in_segment = 65'536;
constexpr std::int64_t nobody_answers = 3 * second;  // to a question for an address on the wire

std::int64_t retry_after(unsigned retries) noexcept {
  return std::min(first_retry << std::min(retries, 20U), longest_retry);
}

}  // namespace

connection& network::make_connection() {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(connections_.size()));
    connections_.emplace_back();
  }
  const std::uint32_t slot = free_slots_.back();
  auto made = std::make_unique<connection>();
  made->number = next_connection_++;
  made->slot = slot;
  for (std::size_t i = 0; i != 2; ++i) {
    made->ends[i].of = made.get();
    made->ends[i].side = i;
  }
  free_slots_.pop_back();
  connections_[slot] = std::move(made);
  return *connections_[slot];
}

// Once neither end has anything to do with it.
void network::free_if_done(connection& c) {
  for (const endpoint& e : c.ends) {
    if (e.at != nullptr || e.queued_at != nullptr || !e.flight.empty()) return;
    if (!e.dead && !e.unsent.empty() && !e.peer().dead) return;
  }
  if (c.ends[0].is == endpoint::phase::connecting && !c.ends[0].closed && !c.ends[0].dead) return;
  for (const endpoint& e : c.ends) {
    if (e.own_port) e.home->release_port(e.local.port());
  }
  const std::uint32_t slot = c.slot;
  connections_[slot].reset();
  free_slots_.push_back(slot);
}

void network::wake(const endpoint& e) {
  if (e.at != nullptr) e.at->owner->changed(*e.at);
}

machine* network::machine_at(const machine& from, const net::ip_address& a) const noexcept {
  for (machine* const m : machines_) {
    if (m->v4 == a || m->v6 == a || (m == &from && a.is_loopback())) return m;
  }
  return nullptr;
}

// Connecting.

int network::begin_connect(socket& s, const net::socket_address& wanted) {
  machine& home = s.owner->home();
  net::socket_address to = wanted.unmapped();
  if (to.ip().is_unspecified()) {
    to = net::socket_address(to.is_v4() ? net::ip_address::loopback_v4 : net::ip_address::loopback_v6, to.port());
  }
  const bool bound = !s.bound.empty();
  net::ip_address from = bound ? s.bound.ip().unmapped() : home.source_for(to.ip());
  if (from.is_unspecified()) from = home.source_for(to.ip());
  std::uint16_t port = bound ? s.bound.port() : 0;
  const bool own_port = port == 0;
  if (own_port) {
    port = home.free_port();
    if (port == 0) return -EADDRNOTAVAIL;
    home.use_port(port);
  }
  connection& c = make_connection();
  endpoint& e = c.ends[0];
  e.home = &home;
  e.at = &s;
  e.is = endpoint::phase::connecting;
  e.local = net::socket_address(from, port);
  e.remote = to;
  e.own_port = own_port;
  e.send_limit = s.send_limit;
  e.receive_limit = s.receive_limit;
  s.is = socket::nature::stream;
  s.end = &e;
  machine* const there = machine_at(home, to.ip());
  c.ends[1].home = there != nullptr ? there : &home;
  c.ends[1].local = e.remote;
  c.ends[1].remote = e.local;
  record(home, trace::kind::sent, static_cast<std::int64_t>(c.number), 4);
  if (there == nullptr) {
    push(now_ + nobody_answers, what::unreachable, c.slot, c.number * 2);
  } else if (there == &home) {
    connect_arrives(c);
  } else {
    link& l = between(home, *there);
    push(time_after(now_, l.options.least.count() + l.latency.exponential(l.options.more.count())), what::connect,
         c.slot, c.number * 2);
  }
  return 0;
}

void network::connect_arrives(connection& c) {
  endpoint& client = c.ends[0];
  endpoint& server = c.ends[1];
  if (client.closed || client.is != endpoint::phase::connecting || server.is != endpoint::phase::none) return;
  const bool same = client.home == server.home;
  link* const l = same ? nullptr : &between(*client.home, *server.home);
  const bool lost = l != nullptr && (l->cut || l->clogged_until > now_ ||
                                     happens(fault::loss, faults_.loss, *client.home,
                                             l->fault_streams[static_cast<std::size_t>(fault::loss)]));
  socket* const listener = lost ? nullptr : server.home->listener_at(server.local);
  if (lost || (listener != nullptr && listener->accepted.size() > listener->backlog)) {
    // 1, 2, 4, ... seconds later; given up after the last one has not been answered either.
    const unsigned attempt = c.attempts++;
    push(now_ + (second << attempt), attempt < most_connect_retries ? what::connect : what::unreachable, c.slot,
         c.number * 2);
    return;
  }
  if (listener == nullptr) return send(server, segment::kind::reset);
  server.is = endpoint::phase::established;
  server.queued_at = listener;
  server.send_limit = listener->send_limit;
  server.receive_limit = listener->receive_limit;
  listener->accepted.push_back(&server);
  send(server, segment::kind::accept);
  listener->owner->changed(*listener);
}

void network::accept(socket& listener, socket& into) {
  endpoint& e = *listener.accepted.front();
  listener.accepted.pop_front();
  e.queued_at = nullptr;
  e.at = &into;
  into.is = socket::nature::stream;
  into.end = &e;
}

void network::close_listener(socket& s) {
  while (!s.accepted.empty()) {
    endpoint& e = *s.accepted.front();
    s.accepted.pop_front();
    e.queued_at = nullptr;
    close(e, true);
  }
}

// Sending and receiving.

void network::write(endpoint& e, std::string_view bytes) {
  e.unsent.push(bytes);
  pump(e);
}

void network::took(endpoint& e, std::size_t count) {
  e.received.drop(count);
  endpoint& sender = e.peer();
  pump(sender);
  if (sender.room() != 0) wake(sender);
}

void network::shut_down_writing(endpoint& e) {
  e.end_queued = true;
  pump(e);
  wake(e);
}

// Sends what the receiver has room for.
void network::pump(endpoint& e) {
  endpoint& to = e.peer();
  if (e.dead || e.is != endpoint::phase::established) return;
  bool sent = false;
  while (!e.unsent.empty()) {
    const auto window = static_cast<std::size_t>(to.receive_limit);
    const std::size_t used = to.received.size() + e.flight_bytes;
    if (used >= window && !to.closed) break;
    const std::size_t room = to.closed ? most_in_segment : window - used;
    send(e, segment::kind::data, e.unsent.take(std::min({room, most_in_segment, e.unsent.size()})));
    sent = true;
    if (e.dead) return;
  }
  if (e.end_queued && !e.end_sent && e.unsent.empty()) {
    e.end_sent = true;
    send(e, segment::kind::end);
  }
  if (sent && e.room() != 0) wake(e);
}

void network::send(endpoint& from, segment::kind is, std::string bytes) {
  endpoint& to = from.peer();
  record(*from.home, trace::kind::sent, static_cast<std::int64_t>(from.of->number), static_cast<std::int64_t>(is),
         static_cast<std::int64_t>(bytes.size()));
  segment s{.due = now_, .is = is, .bytes = std::move(bytes)};
  if (from.home == to.home) {
    if (from.flight.empty()) return arrive(to, std::move(s));
  } else {
    link& l = between(*from.home, *to.home);
    const auto breaks = [&](fault f, std::uint32_t per_million) {
      return is == segment::kind::data &&
             happens(f, per_million, *from.home, l.fault_streams[static_cast<std::size_t>(f)]);
    };
    if (breaks(fault::reset, faults_.reset)) {
      be_reset(from, ECONNRESET);
      be_reset(to, ECONNRESET);
      return;
    }
    if (breaks(fault::half_open, faults_.half_open)) return be_reset(from, ECONNRESET);
    s.due = time_after(now_, l.options.least.count() + l.latency.exponential(l.options.more.count()));
    for (unsigned n = 0; n != most_retries && happens(fault::loss, faults_.loss, *from.home,
                                                      l.fault_streams[static_cast<std::size_t>(fault::loss)]);
         ++n) {
      s.due += retry_after(n);
    }
  }
  s.due = from.last_due = std::max(s.due, from.last_due);
  from.flight_bytes += s.bytes.size();
  from.flight.push_back(std::move(s));
  if (from.flight.size() == 1) push(from.last_due, what::arrival, from.of->slot, from.of->number * 2 + from.side);
}

void network::arrivals(endpoint& from) {
  endpoint& to = from.peer();
  while (!from.flight.empty() && from.flight.front().due <= now_) {
    segment& front = from.flight.front();
    if (from.home != to.home) {
      const link& l = between(*from.home, *to.home);
      if (l.cut) {
        if (from.retries == most_retries) {
          from.flight.clear();
          from.flight_bytes = 0;
          give_up(from, ETIMEDOUT);
          return;
        }
        front.due = now_ + retry_after(from.retries++);
        from.last_due = std::max(from.last_due, front.due);
        break;
      }
      if (l.clogged_until > now_) {
        front.due = l.clogged_until;
        from.last_due = std::max(from.last_due, front.due);
        break;
      }
    }
    from.retries = 0;
    segment s = std::move(front);
    from.flight.pop_front();
    from.flight_bytes -= s.bytes.size();
    arrive(to, std::move(s));
  }
  if (!from.flight.empty()) {
    push(std::max(now_, from.flight.front().due), what::arrival, from.of->slot, from.of->number * 2 + from.side);
  }
  pump(from);
}

void network::arrive(endpoint& to, segment&& s) {
  switch (s.is) {
    case segment::kind::accept:
      if (to.closed) return send(to, segment::kind::reset);
      if (to.dead) return;
      to.is = endpoint::phase::established;
      pump(to);
      break;
    case segment::kind::data:
      if (to.dead || to.closed) {
        // Nobody is there to read it.
        to.dead = true;
        to.unsent.clear();
        return send(to, segment::kind::reset);
      }
      if (to.read_shut && to.end_sent) {
        // Linux does not wait for what nobody can read.
        be_reset(to, to.end_received ? EPIPE : ECONNRESET);
        return send(to, segment::kind::reset);
      }
      to.received.push(s.bytes);
      break;
    case segment::kind::end:
      to.end_received = true;
      break;
    case segment::kind::reset:
      be_reset(to, to.is == endpoint::phase::connecting ? ECONNREFUSED : to.end_received ? EPIPE : ECONNRESET);
      return;
  }
  wake(to);
}

// Ending.

void network::be_reset(endpoint& e, int fault) {
  if (e.dead) return;
  give_up(e, fault);
}

void network::give_up(endpoint& e, int fault) {
  e.dead = true;
  e.fault = fault;
  e.unsent.clear();
  wake(e);
}

void network::close(endpoint& e, bool reset) {
  e.at = nullptr;
  e.closed = true;
  const bool over = e.end_sent && e.end_received && e.flight.empty();
  if (e.is == endpoint::phase::established && !e.dead && !over) {
    if (reset || !e.received.empty()) {
      e.dead = true;
      e.unsent.clear();
      send(e, segment::kind::reset);
    } else {
      e.end_queued = true;
      pump(e);
    }
  } else {
    e.dead = true;
  }
  e.received.clear();
  pump(e.peer());
  free_if_done(*e.of);
}

}  // namespace wring::sim::detail
