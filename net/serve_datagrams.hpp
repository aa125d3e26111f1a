// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <functional>
#include <utility>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/error.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/task.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/datagram_serve_options.hpp>
#include <wring/net/datagram_session.hpp>
#include <wring/net/detail/datagram_serving.hpp>
#include <wring/net/message_socket.hpp>

namespace wring::net {

/// Receives datagrams and runs `handler(datagram)` for each, a task, until the program is asked to stop or the socket
/// is closed. Handlers that run then may continue for `grace`; the rest is cancelled. Returns when all have ended. The
/// socket stays open, so that they can answer.
///
/// An exception in a handler ends only that handler and is logged with the peer's address. The handler is copied once;
/// all calls share the copy. A fault of the socket itself is thrown when the handlers have been cancelled, except for
/// refusals of a connected peer, which are logged. Throws std::invalid_argument for options out of bounds.
template <class Handler>
  requires std::invocable<Handler&, datagram>
task<datagram_serve_report> serve(message_socket& socket, Handler handler, datagram_serve_options options = {}) {
  wring::detail::assert_safe_callable<Handler>();
  detail::datagram_serving service(socket, options);
  auto receive = [&]() -> task<> {
    for (;;) {
      if (!service.has_room()) co_await service.handlers().vacancy();
      auto received = co_await socket.receive().result();
      if (!service.goes_on(received)) co_return;
      if (!received) continue;
      const error_address peer = received->peer();
      detail::start_handler<detail::datagram_work<Handler>>(service, peer, std::reference_wrapper<Handler>(handler),
                                                            std::move(*received));
    }
  };
  co_await detail::serve_datagrams(service, receive);
  co_return service.report();
}

/// The same with a handler for each peer: runs `handler(datagram_session&)`, a task, for a peer that sends something,
/// and hands it all that the peer sends until it returns.
template <class Handler>
  requires(std::invocable<Handler&, datagram_session&> && !std::invocable<Handler&, datagram>)
task<datagram_serve_report> serve(message_socket& socket, Handler handler, datagram_serve_options options = {}) {
  wring::detail::assert_safe_callable<Handler>();
  detail::datagram_serving service(socket, options);
  auto receive = [&]() -> task<> {
    for (;;) {
      auto received = co_await socket.receive().result();
      if (!service.goes_on(received)) co_return;
      if (!received) continue;
      const socket_address peer = received->peer();
      datagram_session* session = service.session_of(peer);
      if (session != nullptr && service.is_full(*session)) {
        // The handler has its turn first: a burst may be longer than the queue. What was taken is passed on even if the
        // program is asked to stop meanwhile.
        co_await shield(yield());
        session = service.session_of(peer);
      }
      if (session != nullptr) {
        service.pass(*session, std::move(*received));
      } else if (service.has_room()) {
        detail::start_handler<detail::session_work<Handler>>(service, peer, service, handler, std::move(*received));
      } else {
        service.drop();
      }
    }
  };
  co_await detail::serve_datagrams(service, receive);
  co_return service.report();
}

}  // namespace wring::net
