// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/task.hpp>
#include <wring/net/detail/serving.hpp>
#include <wring/net/listener.hpp>
#include <wring/net/serve_options.hpp>

namespace wring::net {

/// Accepts connections and runs `handler(stream)` for each, a task, until the program is asked to stop or the listener
/// is closed. Then the listener is drained: its port is closed, and connections that waited there are served too. All
/// may continue for `grace`; the rest is cancelled. Returns when all have ended; the listener is closed then.
///
/// The listener may be of any type, and the handler takes the type of its established connections: a `tcp_stream` for a
/// `tcp_listener`, an `any_stream` for an `any_listener`. Each is established in its own task, within
/// `establish_timeout`; a failure to do so is routine, and logged at level debug.
///
/// An exception in a handler ends only that connection and is logged with the peer's address (at level debug if the
/// peer has merely disconnected: reset, broken pipe, timed out). The handler is copied once; all connections share the
/// copy, which lives until the last has ended. A connection for which there is no memory is closed, with a warning in
/// the log. If the task that serves is cancelled, so are the connections, and the listener stays open. Throws
/// std::invalid_argument if no connection may ever be served.
template <listener L, class Handler>
task<> serve(L& listener, Handler handler, serve_options options = {}) {
  wring::detail::assert_safe_callable<Handler>();
  detail::serving service(options);
  auto body = [&]() -> task<> {
    co_await detail::accept_until_stopping(listener, handler, service);
    service.begin_grace();
    co_await detail::stop_listening(std::addressof(listener));
    co_await detail::accept_the_rest(listener, handler, service);
  };
  co_await service.connections().run(std::ref(body));
  co_await listener.close();
}

}  // namespace wring::net
