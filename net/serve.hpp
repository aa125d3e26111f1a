// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <wring/core/detail/bound_task.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/task.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/net/tcp_listener.hpp>

namespace wring::net {

/// Limits of `serve`.
struct serve_options {
  /// Connections served at once, at least one; the next ones wait in the kernel's backlog.
  std::size_t max_connections = 10'000;
  /// How long connections may go on after the program was asked to stop, before they are cancelled. Zero: they are
  /// cancelled at once; `forever`: they never are.
  duration grace = std::chrono::seconds(10);
};
static_assert(std::is_trivially_destructible_v<serve_options>);

namespace detail {

WRING_API void report_failed_connection(const error_address& peer, const std::exception_ptr& failure) noexcept;

/// A connection that is being served: a child whose failure is logged with the peer's address and concerns nobody else.
template <class Handler>
class connection final : public wring::detail::child_base<connection<Handler>> {
 public:
  connection(nursery& parent, Handler& handler, tcp_stream&& peer)
      : wring::detail::child_base<connection>(parent), peer_(peer.peer_address()) {
    ::new (static_cast<void*>(&work_)) work(std::reference_wrapper<Handler>(handler), std::move(peer));
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() {}  // finish() has destroyed the work

 private:
  friend wring::detail::child_base<connection>;
  using work = wring::detail::bound_task<std::reference_wrapper<Handler>, tcp_stream>;

  bool begin() override { return work_.task.begin_await(*this); }

  std::exception_ptr finish(bool by_cancellation) noexcept {
    if (!by_cancellation) {
      try {
        work_.task.take();
      } catch (...) {
        report_failed_connection(peer_, std::current_exception());
      }
    }
    std::destroy_at(&work_);
    return nullptr;
  }

  error_address peer_;
  union {
    work work_;
  };
};

/// Cancels the connections that overrun the grace; announces and counts them.
class WRING_API grace_period : wring::detail::timer {
 public:
  explicit grace_period(nursery& connections) noexcept;
  ~grace_period();
  void arm(duration grace) noexcept;

 private:
  nursery& connections_;
  scheduler& sched_;
};

WRING_API void report_refused_connection(const error& reason) noexcept;

template <class Handler>
task<> accept_until_stopping(tcp_listener& listener, Handler& handler, nursery& connections) {
  using access = wring::detail::nursery_access;
  auto sequence = listener.connections();
  for (;;) {
    const bool room = co_await until_stopping(connections.vacancy());
    if (!room) co_return;
    auto accepted = co_await until_stopping(sequence.next()).result();
    if (!accepted) co_return;
    if (!*accepted) {
      report_refused_connection(accepted->error());
      continue;
    }
    std::optional<tcp_stream>& connected = **accepted;
    if (!connected) co_return;
    const error_address peer = connected->peer_address();
    try {
      access::launch(connections, *new connection<Handler>(connections, handler, std::move(*connected)));
    } catch (...) {
      report_failed_connection(peer, std::current_exception());
    }
  }
}

}  // namespace detail

/// Accepts connections and runs `handler(tcp_stream)` for each, a task, until the program is asked to stop or the
/// listener is closed; then closes the listener, lets the connections finish for `grace`, and cancels the rest.
///
/// An exception in a handler ends that connection alone and is logged with the peer's address (at level debug if the
/// peer is just gone: reset, broken pipe, timed out). The handler is copied once; all connections share the copy, which
/// lives until the last has ended. A connection that there is no memory for is closed, with a warning in the log. If
/// the task that serves is cancelled, so are the connections. Throws std::invalid_argument if no connection may ever be
/// served.
template <class Handler>
task<> serve(tcp_listener& listener, Handler handler, serve_options options = {}) {
  wring::detail::assert_safe_callable<Handler>();
  if (options.max_connections == 0) {
    throw std::invalid_argument("serve_options::max_connections is 0: it must be at least 1");
  }
  nursery connections({.limit = options.max_connections});
  detail::grace_period grace(connections);
  auto body = [&]() -> task<> {
    co_await detail::accept_until_stopping(listener, handler, connections);
    co_await listener.close();
    grace.arm(options.grace);
  };
  co_await connections.run(std::ref(body));
}

}  // namespace wring::net
