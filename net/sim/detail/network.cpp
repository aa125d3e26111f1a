// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include <wring/core/detail/saturating.hpp>
#include <wring/core/sim/run_failed.hpp>
#include <wring/net/sim/detail/network.hpp>

namespace wring::sim::detail {

using wring::detail::time_after;

network::network(std::uint64_t seed, const link_options& links, const fault_options& faults, std::uint64_t event_limit)
    : seed_(seed),
      default_link_(links),
      faults_(faults),
      event_limit_(event_limit),
      partitions_(seed, "partitions"),
      clogs_(seed, "clogs") {
  schedule_faults();
}

network::~network() = default;

void network::add(machine& m) {
  machines_.push_back(&m);
  trace_.name_host(m.name);
}

std::string network::where() const {
  return fmt::format("seed {}, at {}.{:06} s", seed_, now_ / 1'000'000'000, now_ % 1'000'000'000 / 1000);
}

// Events.

void network::push(std::int64_t at, what is, std::uint32_t slot, std::uint64_t argument) {
  if (!is_fault(is)) ++others_ahead_;
  heap_.push_back({.at = at, .order = order_++, .is = is, .slot = slot, .argument = argument});
  std::ranges::push_heap(heap_, later());
}

void network::schedule(machine& m, std::int64_t at) {
  at = std::max(at, now_);
  if (at >= m.scheduled) return;
  m.scheduled = at;
  push(at, what::turn, m.index);
}

void network::note_misuse(const machine& m, const std::string& how) {
  if (misuse_.empty()) misuse_ = fmt::format("sim: host '{}': {} ({})", m.name, how, where());
}

void network::throw_misuse() {
  if (!misuse_.empty()) throw run_failed(std::exchange(misuse_, {}));
}

bool network::run_next(std::int64_t limit) {
  throw_misuse();
  if (wakes_ != wakes_seen_) {
    wakes_seen_ = wakes_;
    for (machine* const m : machines_) {
      if (m->engine != nullptr && m->engine->woken()) schedule(*m, now_);
    }
  }
  if (heap_.empty() || heap_.front().at > limit || (others_ahead_ == 0 && limit == machine::never)) return false;
  if (++events_run_ > event_limit_) {
    throw run_failed(
        fmt::format("sim: {} events have happened ({}), see world_options::event_limit", event_limit_, where()));
  }
  std::ranges::pop_heap(heap_, later());
  const pending next = heap_.back();
  heap_.pop_back();
  if (!is_fault(next.is)) --others_ahead_;
  move_to(next.at);
  handle(next);
  throw_misuse();
  return true;
}

void network::handle(const pending& p) {
  switch (p.is) {
    case what::turn: {
      machine& m = *machines_[p.slot];
      if (m.scheduled != p.at) return;  // it has been earlier
      m.scheduled = machine::never;
      m.step();
      return;
    }
    case what::datagram:
      datagram_lands(p.slot);
      return;
    case what::partition:
      begin_partition();
      return;
    case what::partition_ends:
      if (p.argument != partition_) return;
      for (const machine* const a : machines_) {
        for (const machine* const b : machines_) {
          if (a->index < b->index) heal(*a, *b);
        }
      }
      return;
    case what::clog:
      begin_clog();
      return;
    default:
      break;
  }
  connection* const c = connections_[p.slot].get();
  if (c == nullptr || c->number != p.argument / 2) return;
  if (p.is == what::arrival) {
    arrivals(c->ends[p.argument % 2]);
  } else if (p.is == what::connect) {
    connect_arrives(*c);
  } else if (c->ends[0].is == endpoint::phase::connecting) {
    give_up(c->ends[0], c->attempts == 0 ? EHOSTUNREACH : ETIMEDOUT);
  }
  free_if_done(*c);
}

// Faults.

bool network::happens(fault f, std::uint32_t per_million, const machine& where, random_stream& decides) {
  if (per_million == 0 || !decides.chance(per_million)) return false;
  counts_.add(f);
  record(where, trace::kind::fault, static_cast<std::int64_t>(f), static_cast<std::int64_t>(decides.drawn()));
  return true;
}

network::link& network::between(const machine& from, const machine& to) {
  if (links_.size() <= from.index) links_.resize(from.index + 1);
  auto& row = links_[from.index];
  if (row.size() <= to.index) row.resize(to.index + 1);
  std::unique_ptr<link>& l = row[to.index];
  if (l == nullptr) {
    l = std::make_unique<link>();
    l->options = default_link_;
    const random_stream own(seed_, fmt::format("{}>{}", from.name, to.name));
    l->latency = own.split("latency");
    l->datagram_latency = own.split("datagram latency");
    for (std::size_t i = 0; i != faults; ++i) l->fault_streams[i] = own.split(i);
  }
  return *l;
}

void network::set_link(const machine& from, const machine& to, const link_options& options) {
  between(from, to).options = options;
}

void network::partition(const machine& a, const machine& b) {
  if (between(a, b).cut) return;
  between(a, b).cut = between(b, a).cut = true;
  record(a, trace::kind::partitioned, a.index, b.index);
}

void network::heal(const machine& a, const machine& b) {
  if (!between(a, b).cut) return;
  between(a, b).cut = between(b, a).cut = false;
  record(a, trace::kind::healed, a.index, b.index);
}

void network::clog(const machine& from, const machine& to, std::int64_t until) {
  between(from, to).clogged_until = std::max(between(from, to).clogged_until, until);
}

void network::schedule_faults() {
  if (faults_.partition_every != forever) {
    push(time_after(now_, partitions_.exponential(faults_.partition_every.count())), what::partition, 0);
  }
  if (faults_.clog_every != forever)
    push(time_after(now_, clogs_.exponential(faults_.clog_every.count())), what::clog, 0);
}

// Each machine falls on one of two sides.
void network::begin_partition() {
  if (faults_.partition_every == forever) return;
  if (machines_.size() > 1) {
    ++partition_;
    const std::uint64_t alone = partitions_.below(machines_.size());
    const bool isolates = partitions_.below(2) == 0;
    std::vector<bool> side(machines_.size());
    for (std::size_t i = 0; i != side.size(); ++i) side[i] = isolates ? i == alone : partitions_.below(2) == 0;
    for (const machine* const a : machines_) {
      for (const machine* const b : machines_) {
        if (a->index < b->index && side[a->index] != side[b->index]) partition(*a, *b);
      }
    }
    counts_.add(fault::partition);
    record(*machines_[alone], trace::kind::fault, static_cast<std::int64_t>(fault::partition),
           static_cast<std::int64_t>(partitions_.drawn()));
    push(time_after(now_, partitions_.exponential(faults_.partition_lasts.count())), what::partition_ends, 0,
         partition_);
  }
  push(time_after(now_, partitions_.exponential(faults_.partition_every.count())), what::partition, 0);
}

void network::begin_clog() {
  if (faults_.clog_every == forever) return;
  if (machines_.size() > 1) {
    const machine& from = *machines_[clogs_.below(machines_.size())];
    const machine& to = *machines_[clogs_.below(machines_.size())];
    const std::int64_t until = time_after(now_, clogs_.exponential(faults_.clog_lasts.count()));
    if (&from != &to) {
      clog(from, to, until);
      counts_.add(fault::clog);
      record(from, trace::kind::fault, static_cast<std::int64_t>(fault::clog),
             static_cast<std::int64_t>(clogs_.drawn()));
    }
  }
  push(time_after(now_, clogs_.exponential(faults_.clog_every.count())), what::clog, 0);
}

void network::calm() {
  faults_ = {};
  ++partition_;
  for (const machine* const a : machines_) {
    for (const machine* const b : machines_) {
      if (a->index < b->index) heal(*a, *b);
      between(*a, *b).clogged_until = now_;
    }
  }
}

}  // namespace wring::sim::detail
