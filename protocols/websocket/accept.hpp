// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <functional>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/http/request.hpp>
#include <wring/protocols/http/response.hpp>
#include <wring/protocols/websocket/options.hpp>
#include <wring/protocols/websocket/socket.hpp>

namespace wring::ws {

/// Goes on with WebSocket (RFC 6455, section 4.2): answers 101 with the fields set so far. In a handler:
///
///     task<> echo(http::request& rq, http::response& rs) {
///       ws::socket s = co_await ws::accept(rq, rs);
///       while (const auto m = co_await s.receive()) co_await s.send(m->kind, m->bytes);
///     }
///
/// As after `response::upgrade`, of the request only peer() and slots are left, and its memory has been given back.
/// What must be known of it is to be looked at before. When the handler returns, the connection ends; see socket.
///
/// Throws status_error: 426 if the client asks for no WebSocket, or for another version of it; 400 for a bad key; 403
/// for an origin that `options::from` does not let in. Throws std::logic_error as `response::upgrade` does.
[[nodiscard]] WRING_API task<socket> accept(http::request& rq, http::response& rs, options o = {});
/// The same; `posts` runs the task that posting needs on streams that are not the library's, and on TLS. It must end
/// before the socket does.
[[nodiscard]] WRING_API task<socket> accept(http::request& rq, http::response& rs, nursery& posts, options o = {});

namespace detail {
/// Runs what a handler does with its socket, and closes that. What it refers to is the handler's.
WRING_API task<> serve_socket(http::request& rq, http::response& rs, const options& o,
                              const std::function<task<>(socket&)>& conversation);
}  // namespace detail

/// A handler that accepts a WebSocket, runs `conversation(socket&)`, a task, and closes in order when that has
/// returned: with 1000, or 1011 if it has thrown. A peer that breaks off or breaks the protocol is logged for debugging
/// alone. The socket can be posted to over any stream.
///
///     r.get("/echo", ws::handler(echo, {.max_message = 64 * 1024}));
template <class Conversation>
  requires std::same_as<std::invoke_result_t<std::decay_t<Conversation>&, socket&>, task<>>
[[nodiscard]] auto handler(Conversation conversation, options o = {}) {
  return [o, call = std::function<task<>(socket&)>(std::move(conversation))](http::request& rq, http::response& rs) {
    return detail::serve_socket(rq, rs, o, call);
  };
}

}  // namespace wring::ws
