// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/detail/serving.hpp>
#include <wring/net/listener.hpp>
#include <wring/net/serve_options.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>

namespace wring::net {

/// Accepts connections and runs `handler(stream)` for each, a task, until the program is asked to stop or the listener
/// is closed. Then the listener is drained: its port is closed, and connections that waited there are served too. All
/// may continue for `grace`; the rest is cancelled. Returns when all have ended; the listener is closed then.
///
/// The listener may be of any type, and the handler takes the type of its established connections: a `tcp_stream` for a
/// `tcp_listener`, an `any_stream` for an `any_listener`. Or it takes a reference to that, or a `stream_ref`: then the
/// stream is closed when the handler returns, with `linger` if that is set. Each connection is established in its own
/// task, within `establish_timeout`; a failure to do so is routine, and logged at level debug.
///
/// Returns what has happened to the connections, for the program's exit code for instance.
///
/// An exception in a handler ends only that connection and is logged with the peer's address (at level debug if the
/// peer has merely disconnected: reset, broken pipe, timed out). The handler is copied once; all connections share the
/// copy, which lives until the last has ended. A connection for which there is no memory is closed, with a warning in
/// the log. If the task that serves is cancelled, so are the connections, and the listener stays open. Throws
/// std::invalid_argument if no connection may ever be served, or `linger` is set and the handler takes streams by
/// value.
template <listener L, class Handler>
task<serve_report> serve(L& listener, Handler handler, serve_options options = {});

/// The same for the most common case, compiled in the library: it is half of a small server's compile time.
WRING_API task<serve_report> serve(tcp_listener& listener, task<> (*handler)(tcp_stream), serve_options options = {});

template <listener L, class Handler>
task<serve_report> serve(L& listener, Handler handler, serve_options options) {
  wring::detail::assert_safe_callable<Handler>();
  detail::serving service(options, detail::leaves_stream<Handler, established_stream<accepted_connection<L>>>);
  auto body = [&]() -> task<> {
    co_await detail::accept_until_stopping(listener, handler, service);
    if (service.lame_duck() > duration()) {
      static_cast<void>(
          co_await move_on_after(service.lame_duck(), detail::accept_the_rest(listener, handler, service)));
    }
    service.begin_grace();
    co_await detail::stop_listening(std::addressof(listener));
    co_await detail::accept_the_rest(listener, handler, service);
  };
  co_await service.connections().run(std::ref(body));
  co_await listener.close();
  co_return service.report();
}

}  // namespace wring::net
