// SPDX-License-Identifier: MIT
#include <wring/core/detail/exception_trace.hpp>
#include <wring/core/log.hpp>
#include <wring/net/serve.hpp>

namespace wring::net::detail {

namespace {

/// Faults that say no more than that the peer went away.
bool peer_is_gone(const std::exception_ptr& failure) noexcept {
  try {
    std::rethrow_exception(failure);
  } catch (const io_error& e) {
    return e.details() == std::errc::connection_reset || e.details() == std::errc::broken_pipe ||
           e.details() == std::errc::timed_out;
  } catch (...) {
    return false;
  }
}

}  // namespace

void report_failed_connection(const error_address& peer, const std::exception_ptr& failure) noexcept {
  const log::logger record(peer_is_gone(failure) ? log::level::debug : log::level::warn);
  record("connection failed", {"peer", peer}, {"error", wring::detail::described(failure)});
}

void report_refused_connection(const error& reason) noexcept {
  log::warn("a connection was refused", {"error", reason});
}

grace_period::grace_period(nursery& connections) noexcept
    : timer([](timer& t) noexcept {
        nursery& left = static_cast<grace_period&>(t).connections_;
        log::warn("connections did not finish within the grace period and are cancelled", {"count", left.size()});
        left.cancel();
      }),
      connections_(connections),
      sched_(scheduler::current()) {}

grace_period::~grace_period() { sched_.timers().cancel(*this); }

void grace_period::arm(duration grace) noexcept {
  if (connections_.size() == 0) return;
  if (grace <= duration()) {
    connections_.cancel();
  } else {
    sched_.timers().schedule(*this, sched_.deadline_after(grace));
  }
}

}  // namespace wring::net::detail
