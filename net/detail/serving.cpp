// SPDX-License-Identifier: MIT
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <wring/core/detail/flows/described.hpp>
#include <wring/core/log.hpp>
#include <wring/net/detail/serving.hpp>

namespace wring::net::detail {

namespace {

/// Faults that mean no more than that the peer has disconnected.
bool peer_is_gone(const std::exception_ptr& failure) noexcept {
  try {
    std::rethrow_exception(failure);
  } catch (const io_error& e) {
    return e.details() == std::errc::connection_reset || e.details() == std::errc::broken_pipe ||
           e.details() == std::errc::timed_out || e.details() == errc::tls_truncated;
  } catch (...) {
    return false;
  }
}

const serve_options& checked(const serve_options& options, bool streams_are_left) {
  if (options.max_connections == 0) {
    throw std::invalid_argument("serve_options::max_connections is 0: it must be at least 1");
  }
  if (options.max_per_peer == 0) {
    throw std::invalid_argument("serve_options::max_per_peer is 0: it must be at least 1");
  }
  if (options.linger && !streams_are_left) {
    throw std::invalid_argument(
        "serve_options::linger is set, and the handler takes its stream away: let it take a reference or a stream_ref");
  }
  return options;
}

}  // namespace

serving::serving(const serve_options& options, bool streams_are_left)
    : options_(checked(options, streams_are_left)),
      peers_(options.max_per_peer),
      connections_({.limit = options.max_connections}),
      grace_(connections_) {}

serving::grace_timer::grace_timer(nursery& n) noexcept
    : timer([](timer& t) noexcept {
        nursery& left = static_cast<grace_timer&>(t).connections;
        log::warn("connections did not finish within the grace period and are cancelled", {"count", left.size()});
        left.cancel();
      }),
      connections(n),
      sched(scheduler::current()) {}

serving::grace_timer::~grace_timer() { sched.timers().cancel(*this); }

void serving::begin_grace() noexcept {
  if (options_.grace <= duration()) {
    connections_.cancel();
  } else {
    grace_.sched.timers().schedule(grace_, grace_.sched.deadline_after(options_.grace));
  }
}

error no_memory_to_accept(const error_address& at) noexcept {
  return error::from_errno(ENOMEM, "accept on").with_address(at);
}

std::optional<peer_table::slot> serving::admit(const error_address& peer) {
  auto slot = peers_.enter(peer);
  if (!slot) {
    count(&serve_counters::over_peer_limit);
    log::debug("a connection was closed, as its peer has max_per_peer already", {"peer", peer},
               {"limit", options_.max_per_peer});
  }
  return slot;
}

void serving::refused(const error& reason) noexcept {
  count(&serve_counters::refused);
  log::warn("a connection was refused", {"error", reason});
}

void serving::not_established(const error_address& peer, const error& reason) noexcept {
  count(&serve_counters::not_established);
  log::debug("a connection was not established", {"peer", peer}, {"error", reason});
}

// What is no fault of the connection (memory, a mistake in the code) is worth more attention.
void serving::not_established(const error_address& peer, const std::exception_ptr& failure) noexcept {
  count(&serve_counters::not_established);
  log::warn("a connection was not established", {"peer", peer}, {"error", wring::detail::described(failure)});
}

void serving::failed(const error_address& peer, const std::exception_ptr& failure) noexcept {
  const bool gone = peer_is_gone(failure);
  count(&serve_counters::failed);
  if (gone) count(&serve_counters::peer_gone);
  const log::logger record(gone ? log::level::debug : log::level::warn);
  record("connection failed", {"peer", peer}, {"error", wring::detail::described(failure)});
}

}  // namespace wring::net::detail
