// SPDX-License-Identifier: MIT
// The network's UDP. Datagrams of one host arrive at another in order, but for those that a fault delays; on one host
// all is at once. What is sent to an address that no host has is lost.
#include <algorithm>
#include <cerrno>
#include <utility>

#include <wring/core/detail/saturating.hpp>
#include <wring/net/sim/detail/network.hpp>

namespace wring::sim::detail {

using wring::detail::time_after;

void network::send_datagram(machine& home, const net::socket_address& from, const net::socket_address& to,
                            std::string_view bytes) {
  machine* const there = machine_at(home, to.ip());
  record(home, trace::kind::datagram, there != nullptr ? std::int64_t{there->index} : -1, to.port(),
         static_cast<std::int64_t>(bytes.size()));
  if (there == nullptr) return;
  flying_datagram d{
      .origin = &home, .target = there, .from = from, .to = to, .refusal = false, .bytes = std::string(bytes)};
  if (there == &home) return arrive(std::move(d));
  link& l = between(home, *there);
  const auto decided = [&](fault f, std::uint32_t per_million) {
    return happens(f, per_million, home, l.fault_streams[static_cast<std::size_t>(f)]);
  };
  if (decided(fault::datagram_loss, faults_.datagram_loss)) return;
  if (decided(fault::datagram_twice, faults_.datagram_twice)) {
    fly(time_after(now_, l.options.least.count() + l.datagram_latency.exponential(l.options.more.count())),
        flying_datagram(d));
  }
  std::int64_t due = now_ + l.options.least.count() + l.datagram_latency.exponential(l.options.more.count());
  if (decided(fault::datagram_late, faults_.datagram_late)) {
    // Behind what is sent in the next few latencies.
    due += 4 * l.datagram_latency.exponential(l.options.least.count() + l.options.more.count());
  } else {
    due = l.last_datagram = std::max(due, l.last_datagram);
  }
  fly(due, std::move(d));
}

void network::fly(std::int64_t due, flying_datagram&& d) {
  if (free_datagrams_.empty()) {
    free_datagrams_.push_back(static_cast<std::uint32_t>(datagrams_.size()));
    datagrams_.emplace_back();
  }
  const std::uint32_t slot = free_datagrams_.back();
  datagrams_[slot] = std::move(d);
  free_datagrams_.pop_back();
  push(due, what::datagram, slot);
}

void network::datagram_lands(std::uint32_t slot) {
  flying_datagram d = std::exchange(datagrams_[slot], {});
  free_datagrams_.push_back(slot);
  const link& l = between(*d.origin, *d.target);
  if (l.cut) {
    record(*d.target, trace::kind::dropped, d.to.port(), 0, static_cast<std::int64_t>(d.bytes.size()));
    return;
  }
  if (l.clogged_until > now_) return fly(l.clogged_until, std::move(d));
  arrive(std::move(d));
}

void network::arrive(flying_datagram&& d) {
  socket* const s = d.target->receiver_of(d.to, d.from);
  if (d.refusal) {
    // Only a connected socket knows whom it concerns.
    if (s == nullptr || s->datagrams->peer.empty()) return;
    s->datagrams->fault = ECONNREFUSED;
    return s->owner->changed(*s);
  }
  if (s == nullptr) {
    flying_datagram answer{
        .origin = d.target, .target = d.origin, .from = d.to, .to = d.from, .refusal = true, .bytes = {}};
    if (d.origin == d.target) return arrive(std::move(answer));
    link& l = between(*d.target, *d.origin);
    return fly(time_after(now_, l.options.least.count() + l.datagram_latency.exponential(l.options.more.count())),
               std::move(answer));
  }
  datagram_end& end = *s->datagrams;
  if (end.queued > static_cast<std::size_t>(s->receive_limit)) {
    record(*d.target, trace::kind::dropped, d.to.port(), 0, static_cast<std::int64_t>(d.bytes.size()));
    return;
  }
  end.queued += d.bytes.size() + datagram_end::overhead;
  end.queue.push_back({.from = d.from, .to = d.to.ip(), .bytes = std::move(d.bytes)});
  s->owner->changed(*s);
}

void network::drop_datagram(socket& s) {
  datagram_end& end = *s.datagrams;
  end.queued -= end.queue.front().bytes.size() + datagram_end::overhead;
  end.queue.pop_front();
}

}  // namespace wring::sim::detail
