// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/ip_network.hpp>
#include <wring/net/serve_options.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/unix_listener.hpp>
#include <wring/protocols/http/detail/server_state.hpp>
#include <wring/protocols/http/forwarding.hpp>
#include <wring/protocols/http/handler.hpp>
#include <wring/protocols/http/router.hpp>
#include <wring/protocols/http/server_limits.hpp>

namespace wring::http {

class access_log;
class metrics;

/// Serves HTTP on listeners of any kind, on several at once if `run` is called for each. One scheduler's: with several,
/// each makes its own. The router must outlive it.
///
/// When the program is asked to stop, listeners are drained, after `limits.lame_duck`, requests that have arrived are
/// answered, and connections end, at the latest after `limits.grace`.
class WRING_API server {
 public:
  explicit server(const router& r, const server_limits& limits = {}) noexcept : state_(r, limits) {}
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server();

  /// Makes the pages of errors: of those that the router and the server answer, of status_errors and other exceptions,
  /// and of `response::fail`. The response holds the usual page, with its status. Not for requests that could not be
  /// parsed, whose page is short. A plain function: throws std::invalid_argument for a task.
  server& on_error(handler page);
  /// The hosts that this server is for, without ports. Requests for others, and those that name none, are answered 421:
  /// where answers depend on the host, or a cache or links do, none is to be made up by a client. Without this all are
  /// answered. CONNECT, whose target is another host, is not asked. Throws std::invalid_argument for what is no host.
  server& hosts(std::vector<std::string> names);
  /// Writes a line for each request, also for those that were refused, to `log`, which must outlive the server.
  server& log_to(access_log& log) noexcept;

  /// Counts what happens in `m`, which must outlive the server. Throws std::bad_alloc, and std::logic_error outside of
  /// a scheduler or if it counts already.
  server& count_in(metrics& m);
  /// Who connects from these networks, or to a Unix socket, is a proxy that tells in that field for whom it forwards:
  /// `request::peer()`, access logs and rate limits are about that client, and `request::scheme()` is what it has used.
  /// A list is believed from its end on, up to the first address that is no such proxy. Others' fields are ignored.
  ///
  /// Proxies that speak the PROXY protocol need this not: wrap the listener in a `net::proxy_listener`.
  server& trust(std::vector<net::ip_network> proxies, forwarding how);

  /// Serves until the program is asked to stop or the listener is closed, as net::serve does. The server must outlive
  /// this.
  [[nodiscard]] task<net::serve_report> run(net::any_listener& listener);
  [[nodiscard]] task<net::serve_report> run(net::tcp_listener& listener);
  [[nodiscard]] task<net::serve_report> run(net::unix_listener& listener);

  /// Requests whose head was complete, so far.
  [[nodiscard]] std::uint64_t requests() const noexcept { return state_.requests; }

 private:
  [[nodiscard]] net::serve_options options() noexcept;

  detail::server_state state_;
};

/// Listens and serves, in one call; as server::run.
///
///     wring::http::router routes;
///     routes.get("/", [](http::request&, http::response& rs) { rs.text("hello\n"); });
///     co_await wring::http::serve_tcp({.port = 8080}, std::move(routes));
///
/// Throws what listen_tcp throws.
[[nodiscard]] WRING_API task<net::serve_report> serve_tcp(net::tcp_listen_options where, router routes,
                                                          server_limits limits = {});

/// The same on a Unix socket, a path or an abstract name. Throws what listen_unix throws.
///
///     co_await wring::http::serve_unix("/run/app/http.sock", std::move(routes), {}, {.mode = 0660});
[[nodiscard]] WRING_API task<net::serve_report> serve_unix(net::socket_address where, router routes,
                                                           server_limits limits = {},
                                                           net::unix_listen_options how = {});
[[nodiscard]] WRING_API task<net::serve_report> serve_unix(std::string_view path, router routes,
                                                           server_limits limits = {},
                                                           net::unix_listen_options how = {});

/// Serves one connection, over any stream, until one side ends it; the stream is closed then. The router must outlive
/// it. Limits on connections do not apply.
[[nodiscard]] WRING_API task<> serve_connection(net::stream_ref stream, const router& routes,
                                                server_limits limits = {});

}  // namespace wring::http
